// Do tasks that wait slow down those that run? A hundred thousand tasks of seven steps wait as they do in production: for an
// hour that comes tomorrow, for a retry that is due then, and, started, for a handler that no process here serves. Beside
// them run chains of seven; the same chains run in a database in which nothing waits, in turn. The waiting tasks are made by
// the engine itself, so that nothing about them looks wrong to it.
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { RetryableError } from '../core/errors.ts';
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import { StepHandler } from '../handlers/step-handler.ts';
import type { Database } from '../sql/database.ts';
import { benchmark } from './benchmark.ts';
import { median, repeated, rounded, timed } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { LINEAR, linear, NoopHandler, shape } from './shapes.ts';
import { createTasks, runToEnd, verifyAuditTrail, type Run } from './work.ts';

const WAITING_TASKS = 100_000;
const QUICK_WAITING_TASKS = 200;
const TOMORROW_SECONDS = 86_400;
const none = { tasks: 0, quickTasks: 0 };

/** Not started: the queue brings them tomorrow. */
const LATER = shape('waits for tomorrow', none, linear(7));
/** The first step has failed once and may try again tomorrow. */
const RETRYING = shape('waits for a retry', none, withFirst('RetryTomorrowHandler'));
/** Started, and ready for a handler that others have. */
const UNSERVED = shape('waits for a handler', none, withFirst('ElsewhereHandler'));

class RetryTomorrowHandler extends StepHandler {
  override process(): never {
    throw new RetryableError('tomorrow', { retryAfter: TOMORROW_SECONDS });
  }
}

export interface WaitingOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly concurrency: number;
  readonly onProgress: (line: string) => void;
}

export interface WaitingResult {
  readonly runs: number;
  /** Linear 7, in each run. */
  readonly tasks: number;
  readonly waiting_tasks: number;
  readonly waiting_steps: number;
  /** Of `waiting_tasks`. */
  readonly waiting_for: { readonly tomorrow: number; readonly retry: number; readonly handler: number };
  /** The rate beside the waiting tasks divided by the rate without them: median of the runs. */
  readonly ratio: number;
  readonly alone: WaitingFigures;
  readonly beside_waiting: WaitingFigures;
}

interface WaitingFigures {
  readonly steps_per_second: number;
  readonly node_cpu_us_per_step: number;
  readonly postgres_cpu_us_per_step: number | null;
}

export const waiting = benchmark<WaitingResult>({
  name: 'waiting',
  says: 'Whether 100,000 tasks that wait slow down those that run',
  measure: benchWaiting,
  report: waitingText,
  headlines: (result) => [
    [
      `the rate beside ${result.waiting_tasks.toLocaleString('en')} tasks that wait, to that without them`,
      `${result.ratio}`,
    ],
  ],
});

async function benchWaiting(server: BenchServer, options: WaitingOptions): Promise<WaitingResult> {
  return server.withDatabase((quiet) =>
    server.withDatabase(async (crowded) => {
      const counts = countsOf(options.quick ? QUICK_WAITING_TASKS : WAITING_TASKS);
      const { ms } = await timed(() => crowd(crowded, counts));
      options.onProgress(`waiting: ${counts.all} tasks wait, made in ${Math.round(ms / 1000)} s`);
      const tasks = options.quick ? LINEAR.quickTasks : LINEAR.tasks;
      const rounds = await repeated(options.runs, async (round) => {
        const done = tasks * (round + 1);
        const alone = (): Promise<Run> => runBeside(quiet, options, tasks, done);
        const beside = (): Promise<Run> => runBeside(crowded, options, tasks, done);
        const pair = await inTurn(round, alone, beside);
        options.onProgress(
          `waiting: run ${round + 1} of ${options.runs}, ${rounded(ratioOf(pair))} of the rate`,
        );
        return pair;
      });
      await verifyCrowd(crowded, counts);
      return summary(rounds, tasks, counts);
    }),
  );
}

type Counts = {
  readonly all: number;
  readonly later: number;
  readonly retrying: number;
  readonly unserved: number;
};

function countsOf(all: number): Counts {
  const [later, retrying] = [Math.round(all * 0.4), Math.round(all * 0.3)];
  return { all, later, retrying, unserved: all - later - retrying };
}

/** Makes the tasks that wait, and lets an engine bring them to where they wait. */
async function crowd(database: Database, counts: Counts): Promise<void> {
  const log = pino({ level: 'silent' });
  const templates = [LATER, RETRYING, UNSERVED].map(({ template }) => template);
  const engine = new Engine({ database, handlers: [RetryTomorrowHandler], templates, concurrency: 500, log });
  await engine.start();
  try {
    const run_at = new Date(Date.now() + TOMORROW_SECONDS * 1000);
    await createTasks(engine, LATER, counts.later, { run_at });
    await createTasks(engine, RETRYING, counts.retrying);
    await createTasks(engine, UNSERVED, counts.unserved);
    while (!isSettled(await crowdIn(database), counts)) await pause(100);
  } finally {
    await engine.stop();
  }
  await database.query('vacuum analyze');
}

interface Crowd {
  readonly not_started: number;
  readonly retrying: number;
  readonly unserved: number;
  readonly wakeups_on_their_way: number;
}

async function crowdIn(database: Database): Promise<Crowd> {
  const [found] = await database.query<Crowd>(
    `select
       (select count(*) from tasker_tasks t
          join tasker_named_tasks n on n.named_task_id = t.named_task_id and n.name = $1
          where not exists (select from tasker_task_transitions c where c.task_id = t.task_id)) as not_started,
       (select count(*) from tasker_task_transitions c
          join tasker_tasks t on t.task_id = c.task_id
          join tasker_named_tasks n on n.named_task_id = t.named_task_id and n.name = $2
          where c.most_recent and c.to_state = 'pending') as retrying,
       (select count(*) from treadle.ready_steps where handler = 'ElsewhereHandler') as unserved,
       (select count(*) from treadle.wakeups where handed_at is null) as wakeups_on_their_way`,
    [LATER.template.name, RETRYING.template.name],
  );
  if (!found) throw new Error('the tasks that wait were not counted');
  return found;
}

function isSettled(found: Crowd, { later, retrying, unserved }: Counts): boolean {
  return (
    found.not_started === later &&
    found.retrying === retrying &&
    found.unserved === unserved &&
    found.wakeups_on_their_way === 0
  );
}

/** They still wait as before: the runs were about the others alone. */
async function verifyCrowd(database: Database, counts: Counts): Promise<void> {
  const found = await crowdIn(database);
  if (isSettled(found, counts)) return;
  throw new Error(`the waiting tasks must be ${JSON.stringify(counts)}, but are ${JSON.stringify(found)}`);
}

/** `done`: of this run and those before it in the same database. */
async function runBeside(
  database: Database,
  { concurrency }: WaitingOptions,
  tasks: number,
  done: number,
): Promise<Run> {
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  await queue.install();
  const creator = new Engine({ database, queue });
  await creator.registerTemplates([LINEAR.template]);
  await createTasks(creator, LINEAR, tasks);
  await database.query('analyze');
  const run = await runToEnd({ database, queue, handlers: [NoopHandler], concurrency, log }, tasks);
  await verifyAuditTrail(database, LINEAR, done);
  return run;
}

/** Neither always comes first: what the other has left to do for the server meets both. */
async function inTurn(
  round: number,
  runAlone: () => Promise<Run>,
  runBesideCrowd: () => Promise<Run>,
): Promise<Pair> {
  if (round % 2 === 0) return { alone: await runAlone(), beside: await runBesideCrowd() };
  const beside = await runBesideCrowd();
  return { alone: await runAlone(), beside };
}

interface Pair {
  readonly alone: Run;
  readonly beside: Run;
}

/** Both from the first claim on. */
function ratioOf({ alone, beside }: Pair): number {
  return (alone.run_ms - alone.startup_ms) / (beside.run_ms - beside.startup_ms);
}

function summary(rounds: readonly Pair[], tasks: number, counts: Counts): WaitingResult {
  const steps = tasks * LINEAR.steps;
  return {
    runs: rounds.length,
    tasks,
    waiting_tasks: counts.all,
    waiting_steps: counts.all * LATER.steps,
    waiting_for: { tomorrow: counts.later, retry: counts.retrying, handler: counts.unserved },
    ratio: rounded(median(rounds.map(ratioOf))),
    alone: figures(
      steps,
      rounds.map(({ alone }) => alone),
    ),
    beside_waiting: figures(
      steps,
      rounds.map(({ beside }) => beside),
    ),
  };
}

function figures(steps: number, runs: readonly Run[]): WaitingFigures {
  const postgres = runs.flatMap((run) => run.postgres_cpu_ms ?? []);
  return {
    steps_per_second: Math.round((steps * 1000) / median(runs.map((run) => run.run_ms - run.startup_ms))),
    node_cpu_us_per_step: rounded((median(runs.map((run) => run.node_cpu_ms)) * 1000) / steps),
    postgres_cpu_us_per_step: postgres.length > 0 ? rounded((median(postgres) * 1000) / steps) : null,
  };
}

function withFirst(handler_class: string): ReturnType<typeof linear> {
  return linear(7).map((step, place) => (place === 0 ? { ...step, handler_class } : step));
}

function waitingText({
  runs,
  waiting_tasks,
  waiting_steps,
  waiting_for,
  ratio,
  ...rates
}: WaitingResult): string {
  const { tomorrow, retry, handler } = waiting_for;
  const title =
    `waiting: linear 7 beside ${waiting_tasks.toLocaleString('en')} tasks (${waiting_steps.toLocaleString('en')} steps) that wait ` +
    `(medians of ${runs} runs)\n${tomorrow} for tomorrow, ${retry} for a retry, ${handler} started and for another handler`;
  const body = [rates.alone, rates.beside_waiting].map((row, place) => [
    place === 0 ? 'nothing' : 'all of them',
    place === 0 ? '1x' : `${ratio}x`,
    row.steps_per_second,
    row.node_cpu_us_per_step,
    row.postgres_cpu_us_per_step ?? '-',
  ]);
  return `${title}\n${table(['what waits', 'rate', 'steps/s', 'CPU us/step: node', 'postgres'], body)}`;
}
