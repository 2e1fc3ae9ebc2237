// What `treadle tune indexes` says: which indexes would go and why, what that gains, and what was done.
import type { ChangedIndex } from '../sql/index-changes.ts';
import { totalsOf, type DroppedIndex, type TuningLevel, type TuningPlan } from '../sql/tuning.ts';
import { instantText } from './duration.ts';
import { plainTable } from './plain-table.ts';
import type { Terminal } from './terminal.ts';

/**
 * CPU of Postgres and write-ahead log per step that `npm run bench -- indexes` saves (linear 7, docs/decisions/0008), in percent.
 */
const MEASURED: Readonly<Record<TuningLevel, { readonly cpu: number; readonly wal: number }>> = {
  duplicates: { cpu: 11, wal: 26 },
  all: { cpu: 28, wal: 51 },
};

export interface Change {
  readonly verb: 'dropped' | 'restored';
  readonly done: readonly ChangedIndex[];
  /** Not as they were any more. */
  readonly left: readonly ChangedIndex[];
  readonly interrupted: boolean;
}

export function showPlan(terminal: Terminal, level: TuningLevel, plan: TuningPlan): void {
  const { since, drop, keep, total } = plan;
  const gain = totalsOf(drop);
  terminal.printJson({ dry_run: true, level, since, gain, total, drop, keep });
  if (terminal.json) return;
  if (drop.length > 0) terminal.print(planTable(terminal, plan));
  for (const { index_name, why } of keep) terminal.print(`stays: ${index_name}, ${why}`);
  if (drop.length === 0) {
    terminal.print('nothing to drop');
    return;
  }
  terminal.print(`${gainText(plan)} (statistics ${sinceText(since)})`);
  terminal.print(measuredText(level));
  terminal.print('nothing was changed; the same with --yes drops them, and --restore brings them back');
}

/** `47 of 99 indexes: 1.2 GB of 2.0 GB (61 %), and at least 58 % of the index entries written` */
export function gainText({ drop, total }: TuningPlan): string {
  const gain = totalsOf(drop);
  const share = (part: number, whole: number): string => `${Math.round((100 * part) / Math.max(whole, 1))} %`;
  const size = `${bytesText(gain.bytes)} of ${bytesText(total.bytes)} (${share(gain.bytes, total.bytes)})`;
  const entries = `, and at least ${share(gain.entries, total.entries)} of the index entries written`;
  return `${drop.length} of ${indexCount(total.indexes)}: ${size}${total.entries > 0 ? entries : ''}`;
}

export function measuredText(level: TuningLevel): string {
  const { cpu, wal } = MEASURED[level];
  return `in our benchmark without them: ${cpu} % less CPU of Postgres per step, ${wal} % less write-ahead log`;
}

export function showDropped(terminal: Terminal, dropped: readonly DroppedIndex[]): void {
  terminal.printJson({ dry_run: true, restore: dropped });
  if (terminal.json) return;
  const table = plainTable(terminal, ['index', 'table', 'size was', 'dropped']);
  for (const { index_name, table_name, bytes, dropped_at } of dropped) {
    table.push([index_name, table_name, bytesText(bytes), instantText(dropped_at)]);
  }
  if (dropped.length > 0) terminal.print(table.toString());
  terminal.print(
    dropped.length > 0 ? 'nothing was changed; without --dry-run they come back' : 'nothing to restore',
  );
}

export function showChanges(terminal: Terminal, { verb, done, left, interrupted }: Change): void {
  const bytes = done.reduce((sum, index) => sum + index.bytes, 0);
  terminal.printJson({
    [verb]: done.map(named),
    left: left.map(({ index_name }) => index_name),
    bytes,
    interrupted,
  });
  const undo =
    verb === 'dropped' && done.length > 0 ? '; "treadle tune indexes --restore" brings them back' : '';
  terminal.print(`${verb} ${indexCount(done.length)}, ${bytesText(bytes)}${undo}`);
  for (const { index_name } of left)
    terminal.note(`left alone: ${index_name} is not as it was any more; look at it`);
  if (interrupted) terminal.note('interrupted; run it again to go on');
}

const named = ({ index_name, table_name, bytes }: ChangedIndex): Omit<ChangedIndex, 'done'> => ({
  index_name,
  table_name,
  bytes,
});

function planTable(terminal: Terminal, { drop }: TuningPlan): string {
  const table = plainTable(terminal, ['index', 'table', 'size', 'scans', 'entries written', 'why']);
  const byTable = drop.toSorted((one, other) => one.table_name.localeCompare(other.table_name));
  for (const { index_name, table_name, bytes, scans, entries, why } of byTable) {
    table.push([index_name, table_name, bytesText(bytes), scans, entries, why]);
  }
  return table.toString();
}

const indexCount = (count: number): string => `${count} ${count === 1 ? 'index' : 'indexes'}`;

const sinceText = (since: Date | null): string =>
  since === null ? 'since the database was made' : `since ${instantText(since)}`;

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `8 kB`, `1.2 GB`: two digits at least. */
export function bytesText(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[power]}`;
}
