// A set of ids as ranges: a hundred thousand tasks created in a row are one range, and a query over it stays small.
import type { IdRange } from '../sql/reports.ts';

/** The fewest ranges that hold exactly these ids, in any order and with repetitions. */
export function idRanges(ids: readonly number[]): IdRange[] {
  const ranges: { first: number; last: number }[] = [];
  for (const id of ids.toSorted((left, right) => left - right)) {
    const current = ranges.at(-1);
    if (current && id <= current.last + 1) current.last = id;
    else ranges.push({ first: id, last: id });
  }
  return ranges;
}
