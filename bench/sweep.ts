// What a look at all unfinished tasks costs when there is nothing to mend, by the size of the database; and how fast old
// tasks go. Of the finished tasks some ended in error or were cancelled; some thousands wait as they may: for their time,
// for a worker, for another hand.
import type { Database } from '../sql/database.ts';
import { countPrunable, pruneTasks } from '../sql/retention.ts';
import { sweepTasks, verifyTasks } from '../sql/sweep.ts';
import { writeHistory } from './history.ts';
import { median, repeated, rounded, timed } from './measure.ts';
import type { BenchServer } from './server.ts';
import { benchmark } from './benchmark.ts';
import { table } from './report.ts';

const SIZES = [10_000, 100_000, 1_000_000];

/** Half of the first so many tasks are unfinished. */
const YOUNG_TASKS = 10_000;
const GRACE = { graceSeconds: 5 };
const PAGE = 500;
const ALL = { olderThanSeconds: 0 };

export interface SweepBenchOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

export interface SweepRow {
  readonly steps: number;
  readonly finished_tasks: number;
  readonly unfinished_tasks: number;
  /** The cheap test over all unfinished tasks. */
  readonly sweep_ms: number;
  /** The fastest one: on a machine that is shared the others have waited. */
  readonly sweep_best_ms: number;
  /** All that is kept about 500 of them, compared with the Rails tables. */
  readonly verify_page_ms: number;
  /** The same about all of them: spread over the time between two sweeps. */
  readonly verify_all_ms: number;
  /** The very first sweep, which has to find the unfinished tasks. */
  readonly first_ms: number;
  /** Counting what would go, as `treadle prune --dry-run` does. */
  readonly count_prunable_ms: number;
  readonly pruned_tasks: number;
  readonly pruned_tasks_per_second: number;
}

export interface SweepResult {
  readonly runs: number;
  readonly rows: readonly SweepRow[];
}

export const sweep = benchmark<SweepResult>({
  name: 'sweep',
  says: 'What looking for stuck tasks costs, and how fast old tasks go',
  measure: benchSweep,
  report: sweepText,
});

async function benchSweep(server: BenchServer, options: SweepBenchOptions): Promise<SweepResult> {
  const sizes = options.quick ? SIZES.slice(0, 1) : SIZES;
  const rows = await repeated(sizes.length, (place) =>
    server.withDatabase((database) => measureSize(database, sizes[place] ?? 0, options)),
  );
  return { runs: options.runs * 10, rows };
}

async function measureSize(
  database: Database,
  steps: number,
  { runs, onProgress }: SweepBenchOptions,
): Promise<SweepRow> {
  const { ms } = await timed(() => writeWaitingHistory(database, steps));
  onProgress(
    `sweep: a history of ${steps.toLocaleString('en')} steps, written in ${Math.round(ms / 1000)} s`,
  );
  const first = await timed(() => sweepOnce(database));
  await database.query('vacuum analyze treadle.open_tasks');
  const sweeps = await repeated(runs * 10 + 1, () => timed(() => sweepOnce(database)));
  const rounds = await repeated(runs, () => verifyAll(database));
  const pages = rounds.flat();
  const [counts] = await database.query<{ unfinished: number; all: number }>(
    `select (select count(*) from treadle.open_tasks) as unfinished, (select count(*) from tasker_tasks) as all`,
  );
  const counted = await timed(() => countPrunable(database, ALL));
  const pruned = await timed(() => pruneAll(database));
  return {
    steps,
    finished_tasks: (counts?.all ?? 0) - (counts?.unfinished ?? 0),
    unfinished_tasks: counts?.unfinished ?? 0,
    sweep_ms: rounded(median(sweeps.slice(1).map(({ ms: time }) => time))),
    sweep_best_ms: rounded(Math.min(...sweeps.map(({ ms: time }) => time))),
    verify_page_ms: rounded(median(pages)),
    verify_all_ms: rounded(median(rounds.map((round) => round.reduce((sum, page) => sum + page, 0)))),
    first_ms: rounded(first.ms),
    count_prunable_ms: rounded(counted.ms),
    pruned_tasks: pruned.result,
    pruned_tasks_per_second: Math.round((pruned.result * 1000) / pruned.ms),
  };
}

/** One finished task of twenty is in error, one of twenty cancelled; what waits for its time has its wake-up. */
async function writeWaitingHistory(database: Database, steps: number): Promise<void> {
  await writeHistory(database, steps, YOUNG_TASKS);
  await database.transaction(async (tx) => {
    await tx.query(`set local treadle.writing = 'on'`);
    await tx.query(
      `update tasker_task_transitions set to_state = case task_id % 20 when 1 then 'error' else 'cancelled' end
       where to_state = 'complete' and task_id % 20 in (1, 2)`,
    );
    await tx.query(
      `update tasker_tasks t set complete = false
       from tasker_task_transitions c
       where c.task_id = t.task_id and c.most_recent and c.to_state in ('error', 'cancelled')`,
    );
    await tx.query(
      `insert into treadle.wakeups (task_id, run_at, reason, handed_at)
       select t.task_id, '2999-01-01T00:00:00Z', case when c.task_id is null then 'created' else 'retry_due' end, now()
       from tasker_tasks t
       left join tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
       where not t.complete and coalesce(c.to_state, 'pending') = 'pending'`,
    );
  });
  await database.query('vacuum analyze');
}

async function sweepOnce(database: Database): Promise<void> {
  const swept = await sweepTasks(database, { ...GRACE, after: 0, everySeconds: 0, limit: PAGE });
  if (!swept.swept || swept.task_ids.length > 0) throw unexpected(swept);
}

/** The time of each page. */
async function verifyAll(database: Database): Promise<number[]> {
  const pages: number[] = [];
  for (let after = 0; ;) {
    const options = { ...GRACE, after, limit: PAGE };
    // oxlint-disable-next-line no-await-in-loop -- the next page begins where this one ends
    const { ms, result } = await timed(() => verifyTasks(database, options));
    if (result.task_ids.length > 0) throw unexpected(result);
    pages.push(ms);
    if (result.checked < PAGE || result.last_task_id === null) return pages;
    after = result.last_task_id;
  }
}

async function pruneAll(database: Database): Promise<number> {
  let tasks = 0;
  for await (const batch of pruneTasks(database, ALL, PAGE)) tasks += batch.tasks;
  return tasks;
}

function unexpected(found: object): Error {
  return new Error(`there was nothing to mend, but: ${JSON.stringify(found)}`);
}

function sweepText({ runs, rows }: SweepResult): string {
  const head = [
    'steps',
    'finished tasks',
    'unfinished',
    'sweep',
    'best',
    'page of 500',
    'all pages',
    'first sweep',
    'count old',
    'pruned tasks/s',
  ];
  const body = rows.map((row) => [
    row.steps.toLocaleString('en'),
    row.finished_tasks.toLocaleString('en'),
    row.unfinished_tasks.toLocaleString('en'),
    row.sweep_ms,
    row.sweep_best_ms,
    row.verify_page_ms,
    row.verify_all_ms,
    row.first_ms,
    row.count_prunable_ms,
    row.pruned_tasks_per_second.toLocaleString('en'),
  ]);
  const title = `sweep: looking at all unfinished tasks when nothing is stuck, in ms (medians of ${runs} runs), and retention`;
  return `${title}\n${table(head, body)}`;
}
