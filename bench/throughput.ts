// No-op steps per second through the whole engine in one process: graphile-worker brings the tasks, steps are claimed, run
// and recorded on a durable disk. Tasks are created before the clock starts (their own figure); it runs from engine.start()
// to the last completion. A run whose audit trail is not complete afterwards is an error, not a figure.
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import type { Database } from '../sql/database.ts';
import { benchmark } from './benchmark.ts';
import { median, repeated, rounded, timed } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { largeShapes, LINEAR, NoopHandler, SMALL_SHAPES, type Shape } from './shapes.ts';
import { createTasks, runToEnd, verifyAuditTrail, type Run } from './work.ts';

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
  /**
   * Time per step beside that of `linear 7` in the same run, both from the first claim on; null when that was not
   * measured.
   */
  readonly times_linear: number | null;
  readonly tasks_created_per_second: number;
  readonly steps_created_per_second: number;
  readonly create_ms_per_task: number;
  /** Registering the template: its rows and the derived definitions. */
  readonly register_ms: number;
  /** From the start of the engine to the last completion. */
  readonly run_ms: number;
  /** Of these, until the first steps were claimed. */
  readonly startup_ms: number;
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

export const throughput = benchmark<ThroughputResult>({
  name: 'throughput',
  says: 'No-op steps per second through the whole engine, and how fast tasks are created',
  measure: benchThroughput,
  report: throughputText,
  headlines: ({ shapes }) =>
    shapes.map(({ shape, steps_per_second }) => [
      `no-op steps through the whole engine, ${shape}`,
      `${steps_per_second.toLocaleString('en')} steps/s`,
    ]),
});

async function benchThroughput(server: BenchServer, options: ThroughputOptions): Promise<ThroughputResult> {
  const all = options.quick ? SMALL_SHAPES : [...SMALL_SHAPES, ...largeShapes()];
  const wanted = all.filter(({ name }) => options.shape === undefined || name.startsWith(options.shape));
  const measured = await repeated(wanted.length, (place) =>
    measureShape(server, wanted[place] as Shape, options),
  );
  const shapes = besideLinear(measured);
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

interface ShapeRun extends Run {
  readonly register_ms: number;
  readonly create_ms: number;
  readonly transitions: number;
}

async function runOnce(
  database: Database,
  shape: Shape,
  tasks: number,
  concurrency: number,
): Promise<ShapeRun> {
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  const creator = new Engine({ database, queue });
  await queue.install();
  const registered = await timed(() => creator.registerTemplates([shape.template]));
  const created = await timed(() => createTasks(creator, shape, tasks));
  await database.query('analyze');
  const run = await runToEnd({ database, queue, handlers: [NoopHandler], concurrency, log }, tasks);
  return {
    ...run,
    register_ms: registered.ms,
    create_ms: created.ms,
    transitions: await verifyAuditTrail(database, shape, tasks),
  };
}

/** From the first claim on, so that a short run is not charged with the start of the engine. */
function besideLinear(shapes: readonly ShapeThroughput[]): ShapeThroughput[] {
  const perStep = ({ run_ms, startup_ms, steps }: ShapeThroughput): number => (run_ms - startup_ms) / steps;
  const linear = shapes.find(({ shape }) => shape === LINEAR.name);
  return shapes.map((row) => ({
    ...row,
    times_linear: linear ? rounded(perStep(row) / perStep(linear)) : null,
  }));
}

function summary(shape: Shape, tasks: number, runs: readonly ShapeRun[]): ShapeThroughput {
  const steps = tasks * shape.steps;
  const of = (pick: (run: ShapeRun) => number): number => median(runs.map(pick));
  const postgres = runs.flatMap(({ postgres_cpu_ms }) => postgres_cpu_ms ?? []);
  return {
    shape: shape.name,
    tasks,
    steps,
    edges: tasks * shape.edges,
    steps_per_second: Math.round((steps * 1000) / of((run) => run.run_ms)),
    times_linear: null,
    tasks_created_per_second: rounded((tasks * 1000) / of((run) => run.create_ms)),
    steps_created_per_second: Math.round((steps * 1000) / of((run) => run.create_ms)),
    create_ms_per_task: rounded(of((run) => run.create_ms) / tasks),
    register_ms: rounded(of((run) => run.register_ms)),
    run_ms: rounded(of((run) => run.run_ms)),
    startup_ms: rounded(of((run) => run.startup_ms)),
    node_cpu_us_per_step: rounded((of((run) => run.node_cpu_ms) * 1000) / steps),
    postgres_cpu_us_per_step: postgres.length > 0 ? rounded((median(postgres) * 1000) / steps) : null,
    transitions: of((run) => run.transitions),
  };
}

function throughputText({ runs, concurrency, shapes }: ThroughputResult): string {
  const head = [
    'shape',
    'tasks',
    'steps',
    'steps/s',
    'time/step, of linear',
    'CPU us/step: node',
    'postgres',
    'startup ms',
    'created steps/s',
    'ms/task',
    'audit rows',
  ];
  const body = shapes.map((row) => [
    row.shape,
    row.tasks,
    row.steps,
    row.steps_per_second,
    row.times_linear === null ? '-' : `${row.times_linear}x`,
    row.node_cpu_us_per_step,
    row.postgres_cpu_us_per_step ?? '-',
    row.startup_ms,
    row.steps_created_per_second,
    row.create_ms_per_task,
    row.transitions,
  ]);
  const title = `throughput: no-op steps through the whole engine, one process, concurrency ${concurrency} (medians of ${runs} runs)`;
  return `${title}\n${table(head, body)}`;
}
