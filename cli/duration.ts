// Durations as people write and read them: `1h`, `90s` in; `12 ms`, `3.4 s`, `5 min` out.
import { InvalidArgumentError } from 'commander';

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** `90s`, `15m`, `1h`, `7d`, `2w` in seconds. For commander: throws what it reports as a bad argument. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([smhdw])$/.exec(text.trim());
  const unit = SECONDS[match?.[2] ?? ''];
  if (!match || unit === undefined) {
    throw new InvalidArgumentError('Expected a duration like 90s, 15m, 1h or 7d.');
  }
  return Number(match[1]) * unit;
}

/** Two significant parts at most: `850 ms`, `3.4 s`, `2 min 5 s`, `3 h 12 min`, `4 d 1 h`. */
export function durationText(milliseconds: number): string {
  const ms = Math.max(milliseconds, 0);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return parts(minutes, 'min', Math.floor((ms % 60_000) / 1000), 's');
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return parts(hours, 'h', minutes % 60, 'min');
  return parts(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function parts(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** `2026-01-31 12:00:03Z` */
export function instantText(instant: Date): string {
  return `${instant.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
