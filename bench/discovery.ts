// How long it takes to find the steps that can run, by the size of the database: the read of claim_steps, against our own
// Rails-compatible readiness function over the same tasks. Times are the server's own (explain analyze), so that neither
// the network nor the client is in them; the claim's locks are really taken, and given back. The claim reads as many steps as
// the sampled tasks have, a thousand at most.
import type { ClientExecutor, Database } from '../sql/database.ts';
import { benchmark } from './benchmark.ts';
import { writeHistory } from './history.ts';
import { median, repeated, rounded, timed } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';

const SIZES = [10_000, 100_000, 1_000_000];
const TASK_COUNTS = [1, 10, 100, 1000];
const MOST_CLAIMED = 1000;
/** Below so many steps all tasks run: else there would not be a thousand steps that can. */
const ALL_RUN_BELOW = 30_000;

export interface DiscoveryOptions {
  readonly quick: boolean;
  /** Samples of tasks for each figure. */
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

export interface DiscoveryRow {
  /** Steps in the database. */
  readonly steps: number;
  /** Tasks in progress whose viable steps are looked for, chosen at random; all of them where there are not so many. */
  readonly tasks: number;
  /** How many steps are found (median of the samples). */
  readonly viable: number;
  /** So many of them are claimed. */
  readonly claimed: number;
  /** get_step_readiness_status_batch over the tasks, divided by the claim's read. */
  readonly times_faster: number;
  /** The same divided by the claim's read without locks: finding alone. */
  readonly read_times_faster: number;
  /** What claim_steps reads: so many ready steps in order, `for update skip locked`. */
  readonly claim_ms: number;
  /** The same without the locks. */
  readonly read_ms: number;
  /** The ready steps of just these tasks. */
  readonly read_by_task_ms: number;
  /** treadle.step_verdicts over the tasks: our own rule without derived rows. */
  readonly verdicts_ms: number;
  readonly readiness_batch_ms: number;
}

export interface DiscoveryResult {
  readonly samples: number;
  readonly rows: readonly DiscoveryRow[];
}

export const discovery = benchmark<DiscoveryResult>({
  name: 'discovery',
  says: 'How long finding the steps that can run takes, by the size of the database',
  measure: benchDiscovery,
  report: discoveryText,
  headlines: ({ rows }) =>
    rows
      .filter(({ tasks }) => tasks === 1000)
      .map((row) => [
        `claiming ${row.claimed.toLocaleString('en')} of ${row.viable.toLocaleString('en')} steps that can run among ${row.steps.toLocaleString('en')}: finding and locking them`,
        `${row.claim_ms} ms; the readiness function ${row.readiness_batch_ms} ms (${row.times_faster}x)`,
      ]),
});

async function benchDiscovery(server: BenchServer, options: DiscoveryOptions): Promise<DiscoveryResult> {
  const sizes = options.quick ? SIZES.slice(0, 1) : SIZES;
  const samples = options.runs * 3;
  const rows = await repeated(sizes.length, async (place) =>
    server.withDatabase((database) => measureSize(database, sizes[place] ?? 0, samples, options)),
  );
  return { samples, rows: rows.flat() };
}

async function measureSize(
  database: Database,
  steps: number,
  samples: number,
  { onProgress }: DiscoveryOptions,
): Promise<DiscoveryRow[]> {
  const allRunning = steps < ALL_RUN_BELOW;
  const { ms } = await timed(() => writeHistory(database, steps, undefined, { allRunning }));
  onProgress(
    `discovery: a history of ${steps.toLocaleString('en')} steps, written in ${Math.round(ms / 1000)} s`,
  );
  return repeated(TASK_COUNTS.length, (place) =>
    measureTasks(database, steps, TASK_COUNTS[place] ?? 0, samples),
  );
}

type Times = Omit<DiscoveryRow, 'steps' | 'times_faster' | 'read_times_faster'>;

async function measureTasks(
  database: Database,
  steps: number,
  tasks: number,
  samples: number,
): Promise<DiscoveryRow> {
  const rounds = await repeated(samples + 1, () => database.transaction((tx) => measureOnce(tx, tasks)));
  const measured = rounds.slice(1); // the first one fills the caches
  const of = (pick: (times: Times) => number): number => median(measured.map(pick));
  return {
    steps,
    tasks: of((times) => times.tasks),
    viable: of((times) => times.viable),
    claimed: of((times) => times.claimed),
    times_faster: Math.round(of((times) => times.readiness_batch_ms / times.claim_ms)),
    read_times_faster: Math.round(of((times) => times.readiness_batch_ms / times.read_ms)),
    claim_ms: rounded(of((times) => times.claim_ms)),
    read_ms: rounded(of((times) => times.read_ms)),
    read_by_task_ms: rounded(of((times) => times.read_by_task_ms)),
    verdicts_ms: rounded(of((times) => times.verdicts_ms)),
    readiness_batch_ms: rounded(of((times) => times.readiness_batch_ms)),
  };
}

const READ = `select r.workflow_step_id, r.priority from treadle.ready_steps r
  where r.handler = $1 and not r.held order by r.priority desc, r.workflow_step_id limit $2`;
const BY_TASK = 'select workflow_step_id from treadle.ready_steps where task_id = any ($1)';
const READINESS = `select workflow_step_id from public.get_step_readiness_status_batch($1) where ready_for_execution`;
const VERDICTS = `select workflow_step_id from treadle.step_verdicts(
  array(select workflow_step_id from tasker_workflow_steps where task_id = any ($1)), treadle.utc_now()
) where verdict = 'ready'`;

async function measureOnce(tx: ClientExecutor, tasks: number): Promise<Times> {
  const taskIds = await sampleOfTasks(tx, tasks);
  const viable = await verifiedCount(tx, taskIds);
  const readiness_batch_ms = await serverTime(tx, READINESS, [taskIds]);
  const claimed = Math.min(viable, MOST_CLAIMED);
  await tx.query('set local enable_seqscan = off'); // as in the functions that hold these statements
  return {
    claimed,
    tasks: taskIds.length,
    viable,
    readiness_batch_ms,
    verdicts_ms: await serverTime(tx, VERDICTS, [taskIds]),
    read_by_task_ms: await serverTime(tx, BY_TASK, [taskIds]),
    read_ms: await serverTime(tx, READ, ['NoopHandler', claimed]),
    claim_ms: await withoutTrace(tx, () =>
      serverTime(tx, `${READ} for update skip locked`, ['NoopHandler', claimed]),
    ),
  };
}

async function sampleOfTasks(tx: ClientExecutor, tasks: number): Promise<number[]> {
  const rows = await tx.query<{ task_id: number }>(
    `select task_id
     from (select distinct task_id from treadle.ready_steps) t
     order by random()
     limit $1`,
    [tasks],
  );
  return rows.map(({ task_id }) => task_id);
}

/** Both ways must find the same steps, else the times say nothing. */
async function verifiedCount(tx: ClientExecutor, taskIds: readonly number[]): Promise<number> {
  const [found] = await tx.query<{ viable: number; differences: number }>(
    `select count(a.workflow_step_id) as viable,
       count(*) filter (where a.workflow_step_id is null or b.workflow_step_id is null) as differences
     from (${BY_TASK}) a
     full join (${READINESS}) b using (workflow_step_id)`,
    [taskIds],
  );
  if (found?.differences === 0) return found.viable;
  throw new Error(`the ready steps are not those of the readiness function: ${JSON.stringify(found)}`);
}

/** What the server says it spent on executing the statement, in ms. */
async function serverTime(
  tx: ClientExecutor,
  statement: string,
  values: readonly unknown[],
): Promise<number> {
  const [row] = await tx.query<{ 'QUERY PLAN': [{ 'Execution Time': number }] }>(
    `explain (analyze, timing off, format json) ${statement}`,
    values,
  );
  if (!row) throw new Error('explain returned no row');
  return row['QUERY PLAN'][0]['Execution Time'];
}

/** Undoes what `work` wrote, its locks included. */
async function withoutTrace<Result>(tx: ClientExecutor, work: () => Promise<Result>): Promise<Result> {
  await tx.query('savepoint before_work');
  try {
    return await work();
  } finally {
    await tx.query('rollback to savepoint before_work');
  }
}

function discoveryText({ samples, rows }: DiscoveryResult): string {
  const head = [
    'steps',
    'tasks',
    'viable',
    'claimed',
    'claim',
    'times faster',
    'no lock',
    'times faster',
    'by task',
    'verdicts',
    'readiness',
  ];
  const body = rows.map((row) => [
    row.steps.toLocaleString('en'),
    row.tasks.toLocaleString('en'),
    row.viable,
    row.claimed,
    row.claim_ms,
    `${row.times_faster}x`,
    row.read_ms,
    `${row.read_times_faster}x`,
    row.read_by_task_ms,
    row.verdicts_ms,
    row.readiness_batch_ms,
  ]);
  const title = `discovery: finding the steps that can run, in ms on the server (medians of ${samples} samples)`;
  return `${title}\n${table(head, body)}`;
}
