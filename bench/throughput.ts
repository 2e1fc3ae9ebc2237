// No-op steps per second through the whole engine in one process: graphile-worker brings the tasks, steps are claimed, run
// and recorded on a durable disk. Tasks are created before the clock starts (their own figure); it runs from engine.start()
// to the last completion. A run whose audit trail is not complete afterwards is an error, not a figure.
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import type { Database } from '../sql/database.ts';
import { pino } from 'pino';
import { median, repeated, rounded, timed } from './measure.ts';
import type { BenchServer } from './server.ts';
import { layeredShape, NoopHandler, SMALL_SHAPES, type Shape } from './shapes.ts';
import { cpuMilliseconds, postgresCpu } from './cpu.ts';

const TASKS_PER_CALL = 500;

export interface ThroughputOptions {
  readonly quick: boolean;
  readonly runs: number;
  /** Tasks per run of the small shapes; default: each shape's own. */
  readonly tasks?: number | undefined;
  /** Steps that may run at once. */
  readonly concurrency: number;
  /** Only this shape. */
  readonly shape?: string | undefined;
  readonly onProgress: (line: string) => void;
}

export interface ShapeThroughput {
  readonly shape: string;
  readonly tasks: number;
  readonly steps: number;
  readonly edges: number;
  readonly steps_per_second: number;
  readonly tasks_created_per_second: number;
  readonly steps_created_per_second: number;
  /** Registering the template: its rows and the derived definitions. */
  readonly register_ms: number;
  /** From the start of the engine to the last completion. */
  readonly run_ms: number;
  /** CPU per step in microseconds: unlike the rates it hardly depends on who else uses the machine. */
  readonly node_cpu_us_per_step: number;
  /** Of the server's processes; null where the system does not tell. */
  readonly postgres_cpu_us_per_step: number | null;
  readonly transitions: number;
}

export interface ThroughputResult {
  /** Of `linear 7` (or of the only shape that ran). */
  readonly steps_per_second: number;
  readonly concurrency: number;
  readonly runs: number;
  readonly shapes: readonly ShapeThroughput[];
}

export async function benchThroughput(
  server: BenchServer,
  options: ThroughputOptions,
): Promise<ThroughputResult> {
  const all = options.quick ? SMALL_SHAPES : [...SMALL_SHAPES, layeredShape()];
  const wanted = all.filter(({ name }) => options.shape === undefined || name.startsWith(options.shape));
  const shapes = await repeated(wanted.length, (place) =>
    measureShape(server, wanted[place] as Shape, options),
  );
  const [first] = shapes;
  if (!first)
    throw new RangeError(
      `no shape is called ${options.shape}: there are ${all.map(({ name }) => name).join(', ')}`,
    );
  const { concurrency, runs } = options;
  return { steps_per_second: first.steps_per_second, concurrency, runs, shapes };
}

async function measureShape(
  server: BenchServer,
  shape: Shape,
  options: ThroughputOptions,
): Promise<ShapeThroughput> {
  const small = shape.steps < 100;
  const tasks = (small ? options.tasks : undefined) ?? (options.quick ? shape.quickTasks : shape.tasks);
  const runs = await repeated(options.runs, async (round) => {
    const run = await server.withDatabase((database) => runOnce(database, shape, tasks, options.concurrency));
    const rate = Math.round((tasks * shape.steps * 1000) / run.run_ms);
    options.onProgress(`${shape.name}: run ${round + 1} of ${options.runs}, ${rate} steps/s`);
    return run;
  });
  return summary(shape, tasks, runs);
}

interface Run {
  readonly register_ms: number;
  readonly create_ms: number;
  readonly run_ms: number;
  readonly node_cpu_ms: number;
  readonly postgres_cpu_ms: number | undefined;
  readonly transitions: number;
}

async function runOnce(database: Database, shape: Shape, tasks: number, concurrency: number): Promise<Run> {
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  const engine = new Engine({ database, queue, handlers: [NoopHandler], concurrency, log });
  await queue.install();
  const registered = await timed(() => engine.registerTemplates([shape.template]));
  const created = await timed(() => createTasks(engine, shape, tasks));
  await database.query('analyze');

  const cpuBefore = [cpuMilliseconds(), await postgresCpu(database)] as const;
  const ended = allCompleted(engine, tasks);
  const run = await timed(async () => {
    await engine.start();
    await ended;
  });
  const cpuAfter = [cpuMilliseconds(), await postgresCpu(database)] as const;
  await engine.stop();
  return {
    register_ms: registered.ms,
    create_ms: created.ms,
    run_ms: run.ms,
    node_cpu_ms: cpuAfter[0] - cpuBefore[0],
    postgres_cpu_ms: cpuAfter[1] === undefined ? undefined : cpuAfter[1] - (cpuBefore[1] ?? 0),
    transitions: await verifyAuditTrail(database, tasks, shape.steps),
  };
}

async function createTasks(engine: Engine, { template }: Shape, tasks: number): Promise<void> {
  const { namespace_name, name } = template;
  await repeated(Math.ceil(tasks / TASKS_PER_CALL), async (page) => {
    const count = Math.min(TASKS_PER_CALL, tasks - page * TASKS_PER_CALL);
    const requests = Array.from({ length: count }, (_, place) => ({
      namespace_name,
      name,
      context: { place },
    }));
    await engine.createTasks(requests);
  });
}

function allCompleted(engine: Engine, tasks: number): Promise<void> {
  let left = tasks;
  return new Promise((resolve, reject) => {
    engine.on('task.completed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
    engine.on('task.failed', ({ task_id }) => reject(new Error(`task ${task_id} failed`)));
  });
}

/** Each step and each task went pending -> in_progress -> complete, and says so: how many rows say it. */
async function verifyAuditTrail(database: Database, tasks: number, stepsPerTask: number): Promise<number> {
  const [found] = await database.query<{ steps: number; tasks: number; trail: number; flags: number }>(
    `select
       (select count(*) from tasker_workflow_steps where processed and attempts = 1) as steps,
       (select count(*) from tasker_tasks where complete) as tasks,
       (select count(*) from tasker_workflow_step_transitions)
         + (select count(*) from tasker_task_transitions) as trail,
       (select count(*) from tasker_workflow_step_transitions where most_recent and to_state = 'complete')
         + (select count(*) from tasker_task_transitions where most_recent and to_state = 'complete') as flags`,
  );
  const steps = tasks * stepsPerTask;
  const expected = { steps, tasks, trail: 2 * (steps + tasks), flags: steps + tasks };
  if (JSON.stringify(found) === JSON.stringify(expected)) return expected.trail;
  throw new Error(`the audit trail must be ${JSON.stringify(expected)}, but is ${JSON.stringify(found)}`);
}

function summary(shape: Shape, tasks: number, runs: readonly Run[]): ShapeThroughput {
  const steps = tasks * shape.steps;
  const of = (pick: (run: Run) => number): number => median(runs.map(pick));
  const postgres = runs.flatMap(({ postgres_cpu_ms }) => postgres_cpu_ms ?? []);
  return {
    shape: shape.name,
    tasks,
    steps,
    edges: tasks * shape.edges,
    steps_per_second: Math.round((steps * 1000) / of((run) => run.run_ms)),
    tasks_created_per_second: rounded((tasks * 1000) / of((run) => run.create_ms)),
    steps_created_per_second: Math.round((steps * 1000) / of((run) => run.create_ms)),
    register_ms: rounded(of((run) => run.register_ms)),
    run_ms: rounded(of((run) => run.run_ms)),
    node_cpu_us_per_step: rounded((of((run) => run.node_cpu_ms) * 1000) / steps),
    postgres_cpu_us_per_step: postgres.length > 0 ? rounded((median(postgres) * 1000) / steps) : null,
    transitions: of((run) => run.transitions),
  };
}
