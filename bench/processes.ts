// One, two and four engine processes on the same work: many small tasks, and one wide task whose steps all of them must share.
// The pool of each is limited so that all numbers of processes use the same number of connections for their steps.
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import type { Database } from '../sql/database.ts';
import { benchmark } from './benchmark.ts';
import { postgresCpu } from './cpu.ts';
import { median, repeated, rounded } from './measure.ts';
import type { Word } from './processes-engine.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { LINEAR, WARM_UP, wideShape, type Shape } from './shapes.ts';
import { createTasks, verifyAuditTrail } from './work.ts';

const SCRIPT = join(import.meta.dirname, 'processes-engine.ts');
const PROCESSES = [1, 2, 4];
/** Of all processes together; the listener and the queue of each have theirs besides. */
const CONNECTIONS = 4;

export interface ProcessesOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly concurrency: number;
  readonly onProgress: (line: string) => void;
}

export interface ProcessesRow {
  readonly shape: string;
  readonly processes: number;
  /** In the pool of each, for claims and outcomes. */
  readonly connections_each: number;
  readonly tasks: number;
  readonly steps: number;
  /** By warm processes, from the moment at which the tasks may run to the last completion. */
  readonly steps_per_second: number;
  /** Beside one process in the same run. */
  readonly times_one: number;
  /** All processes together. */
  readonly node_cpu_us_per_step: number;
  readonly postgres_cpu_us_per_step: number | null;
  /** How many steps each process ran, by the audit trail, in the last run. */
  readonly steps_by_process: readonly number[];
}

export interface ProcessesResult {
  readonly runs: number;
  /** Of each process. */
  readonly concurrency: number;
  readonly rows: readonly ProcessesRow[];
}

export const processes = benchmark<ProcessesResult>({
  name: 'processes',
  says: 'One, two and four engine processes on the same work, and how a wide task spreads over them',
  measure: benchProcesses,
  report: processesText,
});

async function benchProcesses(server: BenchServer, options: ProcessesOptions): Promise<ProcessesResult> {
  const shapes = options.quick ? [LINEAR] : [LINEAR, wideShape()];
  const rows = await repeated(shapes.length, (place) =>
    measureShape(server, shapes[place] as Shape, options),
  );
  return { runs: options.runs, concurrency: options.concurrency, rows: rows.flat() };
}

/** Each number of processes in turn, then all of them again: what else the machine does meets them alike. */
async function measureShape(
  server: BenchServer,
  shape: Shape,
  options: ProcessesOptions,
): Promise<ProcessesRow[]> {
  const counts = options.quick ? [1, 2] : PROCESSES;
  const size = options.quick ? 'quickTasks' : 'tasks';
  const rounds = await repeated(options.runs, (round) =>
    repeated(counts.length, async (place) => {
      const count = counts[place] ?? 1;
      const run = await server.withDatabase((database) =>
        runOnce(database, shape, { size, count, ...options }),
      );
      const rate = Math.round(run.steps_per_second);
      options.onProgress(
        `${shape.name}, ${count} processes: run ${round + 1} of ${options.runs}, ${rate} steps/s`,
      );
      return run;
    }),
  );
  const runsOf = counts.map((_, place) => rounds.flatMap((round) => round[place] ?? []));
  const one = median((runsOf[0] ?? []).map((run) => run.steps_per_second));
  const tasks = shape[size];
  return counts.map((count, place) => summary(shape, { tasks, count, one }, runsOf[place] ?? []));
}

interface Run {
  readonly steps_per_second: number;
  readonly node_cpu_ms: number;
  readonly postgres_cpu_ms: number | undefined;
  readonly steps_by_process: readonly number[];
}

interface RunOptions {
  readonly size: 'tasks' | 'quickTasks';
  readonly count: number;
  readonly concurrency: number;
}

async function runOnce(
  database: Database,
  shape: Shape,
  { size, count, concurrency }: RunOptions,
): Promise<Run> {
  const creator = await creatorOf(database, [WARM_UP, shape]);
  const members = Array.from(
    { length: count },
    () => new Member(database.url, connectionsOf(count), concurrency),
  );
  try {
    await warmUp(members, creator, WARM_UP[size] * count);
    const tasks = shape[size];
    await creator.pause({ namespace_name: shape.template.namespace_name });
    await createTasks(creator, shape, tasks);
    await database.query('analyze');
    const postgresBefore = await postgresCpu(database);
    const completed = allCompleted(members, tasks);
    for (const member of members) member.tell('measure');
    const startedAt = performance.now();
    await creator.resume({ namespace_name: shape.template.namespace_name });
    await completed;
    const ms = performance.now() - startedAt;
    const postgresAfter = await postgresCpu(database);
    await Promise.all(members.map((member) => member.end()));
    await verifyAuditTrail(database, shape, tasks);
    return {
      steps_per_second: (tasks * shape.steps * 1000) / ms,
      node_cpu_ms: members.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      postgres_cpu_ms: postgresAfter === undefined ? undefined : postgresAfter - (postgresBefore ?? 0),
      steps_by_process: await stepsByProcess(database, shape, count),
    };
  } finally {
    for (const member of members) member.kill();
  }
}

/** The processes run on: they claim what comes next. */
async function warmUp(members: readonly Member[], creator: Engine, tasks: number): Promise<void> {
  await createTasks(creator, WARM_UP, tasks);
  await Promise.all(members.map((member) => member.loaded));
  const completed = allCompleted(members, tasks);
  for (const member of members) member.tell('start');
  await completed;
}

function connectionsOf(count: number): number {
  return Math.max(1, Math.floor(CONNECTIONS / count));
}

async function creatorOf(database: Database, shapes: readonly Shape[]): Promise<Engine> {
  const queue = new GraphileWorkerQueue({ database, log: pino({ level: 'silent' }) });
  await queue.install();
  const creator = new Engine({ database, queue });
  await creator.registerTemplates(shapes.map(({ template }) => template));
  return creator;
}

/** Rejects, too, when one of them dies. */
function allCompleted(members: readonly Member[], tasks: number): Promise<void> {
  let left = tasks;
  return new Promise((resolve, reject) => {
    for (const member of members) {
      member.died.catch(reject);
      member.onWord((word) => {
        if ('failed' in word) reject(new Error(`task ${word.failed} failed`));
        if (!('completed' in word)) return;
        left -= word.completed;
        if (left <= 0) resolve();
      });
    }
  });
}

/** Most first; a process that ran nothing counts as 0. */
async function stepsByProcess(database: Database, { template }: Shape, count: number): Promise<number[]> {
  const rows = await database.query<{ steps: number }>(
    `select count(*) as steps
     from tasker_workflow_step_transitions c
     join tasker_workflow_steps s on s.workflow_step_id = c.workflow_step_id
     join tasker_tasks t on t.task_id = s.task_id
     join tasker_named_tasks n on n.named_task_id = t.named_task_id
     where c.to_state = 'in_progress'
     and n.name = $1
     group by c.metadata ->> 'worker_id'
     order by 1 desc`,
    [template.name],
  );
  const steps = rows.map((row) => row.steps);
  return [...steps, ...Array.from({ length: Math.max(count - steps.length, 0) }, () => 0)];
}

/** One engine process. */
class Member {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #listeners: ((word: Word) => void)[] = [];
  readonly #exited: Promise<unknown>;
  /** Resolves when it waits for its start. */
  readonly loaded: Promise<void>;
  /** Rejects when it ends without being told to. */
  readonly died: Promise<never>;
  #ending = false;
  cpuMs = 0;

  constructor(url: string, connections: number, concurrency: number) {
    const args = ['--import', 'tsx', SCRIPT, url, String(connections), String(concurrency)];
    this.#child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#exited = once(this.#child, 'exit');
    createInterface(this.#child.stdout).on('line', (line) => this.#hear(JSON.parse(line) as Word));
    this.died = this.#exited.then(() =>
      this.#ending ? new Promise<never>(() => {}) : Promise.reject(new Error('an engine process died')),
    );
    this.died.catch(() => {}); // whoever waits hears of it
    const loaded = new Promise<void>((resolve) => {
      this.onWord((word) => {
        if ('loaded' in word) resolve();
      });
    });
    this.loaded = Promise.race([loaded, this.died]);
  }

  onWord(listener: (word: Word) => void): void {
    this.#listeners.push(listener);
  }

  tell(order: 'start' | 'measure'): void {
    this.#child.stdin.write(`${order}\n`);
  }

  async end(): Promise<void> {
    this.#ending = true;
    this.#child.stdin.end();
    await this.#exited;
  }

  kill(): void {
    this.#ending = true;
    this.#child.kill('SIGKILL');
  }

  #hear(word: Word): void {
    if ('cpu_ms' in word) this.cpuMs = word.cpu_ms;
    for (const listener of this.#listeners) listener(word);
  }
}

function summary(
  shape: Shape,
  { tasks, count, one }: { tasks: number; count: number; one: number },
  runs: readonly Run[],
): ProcessesRow {
  const steps = tasks * shape.steps;
  const rate = median(runs.map((run) => run.steps_per_second));
  const postgres = runs.flatMap((run) => run.postgres_cpu_ms ?? []);
  return {
    shape: shape.name,
    processes: count,
    connections_each: connectionsOf(count),
    tasks,
    steps,
    steps_per_second: Math.round(rate),
    times_one: rounded(rate / one),
    node_cpu_us_per_step: rounded((median(runs.map((run) => run.node_cpu_ms)) * 1000) / steps),
    postgres_cpu_us_per_step: postgres.length > 0 ? rounded((median(postgres) * 1000) / steps) : null,
    steps_by_process: runs.at(-1)?.steps_by_process ?? [],
  };
}

function processesText({ runs, concurrency, rows }: ProcessesResult): string {
  const head = ['shape', 'processes', 'connections each', 'steps', 'of one', 'steps/s', 'CPU us/step: node', 'postgres', 'steps by process']; // prettier-ignore
  const body = rows.map((row) => [
    row.shape,
    row.processes,
    row.connections_each,
    row.steps,
    `${row.times_one}x`,
    row.steps_per_second,
    row.node_cpu_us_per_step,
    row.postgres_cpu_us_per_step ?? '-',
    row.steps_by_process.join(' '),
  ]);
  const title = `processes: no-op steps through several warm engines, concurrency ${concurrency} each (medians of ${runs} runs)`;
  return `${title}\n${table(head, body)}`;
}
