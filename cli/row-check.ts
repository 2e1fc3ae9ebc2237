// The first pass over an input: how many rows are good, and what is wrong with the others.
import { TreadleError } from '../core/errors.ts';
import type { InputRow } from './input/source.ts';
import { isBadRow, requestOf, type BadRow, type RowReader } from './task-rows.ts';
import type { Terminal } from './terminal.ts';

/** Bad rows that are shown; the others are counted. */
const MOST_SHOWN = 20;

export interface CheckedRows {
  readonly good: number;
  readonly bad: number;
  /** The first of the bad rows. */
  readonly problems: readonly BadRow[];
}

/** Stops early when the signal aborts. */
export async function checkRows(
  rows: AsyncIterable<InputRow>,
  reader: RowReader,
  signal: AbortSignal,
): Promise<CheckedRows> {
  let [good, bad] = [0, 0];
  const problems: BadRow[] = [];
  for await (const row of rows) {
    if (signal.aborted) break;
    const request = requestOf(row, reader);
    if (!isBadRow(request)) {
      good += 1;
      continue;
    }
    bad += 1;
    if (problems.length < MOST_SHOWN) problems.push(request);
  }
  return { good, bad, problems };
}

/** Throws `invalid_context` with a line for each row. */
export function refuseBadRows(checked: CheckedRows, template: string): never {
  const { good, bad, problems } = checked;
  const rows = good + bad;
  const head =
    rows === 1
      ? `the context does not fit ${template}, nothing was created:`
      : `${bad} of ${rows} rows do not fit ${template}, nothing was created (--skip-invalid leaves them out):`;
  throw new TreadleError('invalid_context', [head, ...problemLines(checked)].join('\n'), {
    details: { good, bad, problems },
  });
}

/** Says which rows are left out. */
export function reportSkipped(terminal: Terminal, checked: CheckedRows): void {
  if (checked.bad === 0) return;
  terminal.note(`${checked.bad} bad rows are left out:`);
  for (const line of problemLines(checked)) terminal.note(line);
}

function problemLines({ bad, problems }: CheckedRows): string[] {
  const lines = problems.map(({ place, problem }) => `  ${place}: ${problem}`);
  return bad > problems.length ? [...lines, `  and ${bad - problems.length} more`] : lines;
}
