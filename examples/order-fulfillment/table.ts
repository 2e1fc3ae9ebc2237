// Tables for a person: what, how often, and a sentence that is cut to the width of the terminal.
import Table from 'cli-table3';

/** Columns of a table beside its last one, at most. */
const OTHER_COLUMNS = 42;

export interface Count {
  readonly what: string;
  readonly why: string;
  readonly count: number;
}

export function newTable(head: [string, string, string]): Table.Table {
  const style = { head: process.stdout.isTTY ? ['cyan'] : [], border: [] };
  const noRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' };
  return new Table({ head, colAligns: ['left', 'right', 'left'], style, chars: noRules });
}

export function addCounts(table: Table.Table, counts: readonly Count[]): void {
  for (const { what, why, count } of counts) table.push([what, count, oneLine(why, OTHER_COLUMNS)]);
}

/** Fits beside `taken` columns in the width of the terminal. */
export function oneLine(text: string, taken: number): string {
  const width = Math.max(30, (process.stdout.columns ?? 120) - taken);
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > width ? `${line.slice(0, width - 1)}…` : line;
}
