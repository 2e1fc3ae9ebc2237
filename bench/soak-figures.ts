// What a soak says: the rates of its parts, what became of the tables, and both as tables for people.
import { rounded } from './measure.ts';
import { table } from './report.ts';
import type { TableSize } from './table-sizes.ts';
import { cpuBetween, type Cpu } from './work.ts';

const TABLES_SHOWN = 12;

export interface SoakPart {
  /** Completed from the beginning until the end of this part. */
  readonly steps: number;
  readonly steps_per_second: number;
  readonly node_cpu_us_per_step: number;
  readonly postgres_cpu_us_per_step: number | null;
  /** Not pruned yet. */
  readonly tasks_kept: number;
  /** All tables of the three schemas with their indexes. */
  readonly total_mb: number;
  readonly dead_rows: number;
}

export interface SoakTable extends TableSize {
  /** The largest that it was at the end of any part. */
  readonly largest_mb: number;
  readonly most_dead_rows: number;
}

export interface SoakResult {
  readonly steps: number;
  readonly seconds: number;
  readonly steps_per_second: number;
  /** The rate of the last tenth divided by that of the first. */
  readonly last_to_first: number;
  /** The slowest tenth divided by the fastest. */
  readonly slowest_to_fastest: number;
  readonly pruned_tasks: number;
  readonly parts: readonly SoakPart[];
  /** When all is done and removed, the busiest first. */
  readonly tables: readonly SoakTable[];
}

/** How things are at the end of a part. */
export interface Moment {
  readonly at: number;
  readonly cpu: Cpu;
  readonly kept: number;
  readonly tables: readonly TableSize[];
}

export function megabytes(tables: readonly TableSize[]): number {
  return rounded(tables.reduce((sum, { heap_mb, indexes_mb }) => sum + heap_mb + indexes_mb, 0));
}

/** `moments`: at the beginning and at the end of each part. `tables`: when all is done and removed. */
export function summary(
  stepsPerPart: number,
  moments: readonly Moment[],
  { prunedTasks, tables }: { prunedTasks: number; tables: readonly TableSize[] },
): SoakResult {
  const parts = moments
    .slice(1)
    .map((now, place) => partOf(moments[place] as Moment, now, stepsPerPart, place));
  const rates = parts.map((part) => part.steps_per_second);
  const [first = 0, last = 0] = [rates[0], rates.at(-1)];
  const steps = stepsPerPart * parts.length;
  const seconds = ((moments.at(-1)?.at ?? 0) - (moments[0]?.at ?? 0)) / 1000;
  return {
    steps,
    seconds: rounded(seconds),
    steps_per_second: Math.round(steps / seconds),
    last_to_first: rounded(last / first),
    slowest_to_fastest: rounded(Math.min(...rates) / Math.max(...rates)),
    pruned_tasks: prunedTasks,
    parts,
    tables: tablesOf(moments.slice(1), tables),
  };
}

function partOf(before: Moment, now: Moment, steps: number, place: number): SoakPart {
  const cpu = cpuBetween(before.cpu, now.cpu);
  return {
    steps: steps * (place + 1),
    steps_per_second: Math.round((steps * 1000) / (now.at - before.at)),
    node_cpu_us_per_step: rounded((cpu.node_cpu_ms * 1000) / steps),
    postgres_cpu_us_per_step:
      cpu.postgres_cpu_ms === undefined ? null : rounded((cpu.postgres_cpu_ms * 1000) / steps),
    tasks_kept: now.kept,
    total_mb: megabytes(now.tables),
    dead_rows: now.tables.reduce((sum, { dead_rows }) => sum + dead_rows, 0),
  };
}

function tablesOf(moments: readonly Moment[], atEnd: readonly TableSize[]): SoakTable[] {
  const written = atEnd.filter(({ writes }) => writes > 0);
  return written.map((end) => {
    const earlier = moments.flatMap(({ tables }) => tables.filter((one) => one.table === end.table));
    const all = [...earlier, end];
    return {
      ...end,
      largest_mb: Math.max(...all.map(({ heap_mb, indexes_mb }) => rounded(heap_mb + indexes_mb))),
      most_dead_rows: Math.max(...all.map(({ dead_rows }) => dead_rows)),
    };
  });
}

export function soakText(result: SoakResult): string {
  const { steps, seconds, steps_per_second, last_to_first, slowest_to_fastest, pruned_tasks } = result;
  const title =
    `soak: ${steps.toLocaleString('en')} steps of linear 7 in ${seconds} s (${steps_per_second} steps/s, made, run and removed), ` +
    `${pruned_tasks.toLocaleString('en')} tasks pruned, those before and after included\n` +
    `the last tenth beside the first: ${last_to_first}x; the slowest beside the fastest: ${slowest_to_fastest}x`;
  return [title, partsText(result.parts), tablesText(result.tables)].join('\n');
}

function partsText(parts: readonly SoakPart[]): string {
  const head = ['steps', 'steps/s', 'CPU us/step: node', 'postgres', 'tasks kept', 'MB', 'dead rows'];
  const body = parts.map((part) => [
    part.steps.toLocaleString('en'),
    part.steps_per_second,
    part.node_cpu_us_per_step,
    part.postgres_cpu_us_per_step ?? '-',
    part.tasks_kept,
    part.total_mb,
    part.dead_rows,
  ]);
  return table(head, body);
}

function tablesText(tables: readonly SoakTable[]): string {
  const head = [
    'table',
    'writes',
    'heap MB',
    'indexes MB',
    'largest',
    'rows',
    'dead',
    'most dead',
    'HOT',
    'autovacuums',
    'analyzes',
  ];
  const body = tables
    .slice(0, TABLES_SHOWN)
    .map((row) => [
      row.table,
      row.writes.toLocaleString('en'),
      row.heap_mb,
      row.indexes_mb,
      row.largest_mb,
      row.live_rows,
      row.dead_rows,
      row.most_dead_rows,
      row.hot_share ?? '-',
      row.autovacuums,
      row.autoanalyzes,
    ]);
  return table(head, body);
}
