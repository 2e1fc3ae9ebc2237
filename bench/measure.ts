// Medians, percentiles and clocks. Medians because machines are shared: one slow run must not move the figure.

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return (percentile(values, 0.5) + percentile(values, 0.5, Math.ceil)) / 2;
}

/** The value below which this share (0 to 1) of the values lies. */
export function percentile(
  values: readonly number[],
  share: number,
  round: (place: number) => number = Math.floor,
): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.min(round(share * (sorted.length - 1)), sorted.length - 1)];
  if (value === undefined) throw new RangeError('there is nothing to take a percentile of');
  return value;
}

/** Three significant digits: more would pretend. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** How long `work` took, in ms, and what it gave. */
export async function timed<Result>(work: () => Promise<Result>): Promise<{ ms: number; result: Result }> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

/** Does the work so many times, one after the other. */
export async function repeated<Result>(
  times: number,
  work: (round: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let round = 0; round < times; round += 1) {
    // oxlint-disable-next-line no-await-in-loop -- rounds that ran together would measure each other
    results.push(await work(round));
  }
  return results;
}

/** A ratio for people: two digits say enough. */
export function ratioText(ratio: number): string {
  return `${Number(ratio.toPrecision(2))}x`;
}
