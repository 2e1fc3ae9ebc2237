// Periods of rates as people write them: `100ms`, `1s`, `1m`, `1h`, `1d`.
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 366 * 86_400_000;

export const PERIOD_EXPECTED = 'a period such as "1s", "1m", "1h" or "1d", at least "1ms"';

/** In milliseconds; undefined: it is none, or longer than a year. */
export function periodMs(text: string): number | undefined {
  const match = /^(\d{1,11})(ms|s|m|h|d)$/.exec(text);
  const ms = Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? Number.NaN);
  return ms >= 1 && ms <= LONGEST_MS ? ms : undefined;
}

/** The period in the largest unit that leaves no remainder. */
export function periodText(ms: number): string {
  const [unit, size] = Object.entries(UNITS_MS).findLast(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
