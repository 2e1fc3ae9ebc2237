// Results of a kilobyte, a hundred of them and five megabytes: chains in which every step returns one and reads its parent's,
// and a fan-out in which a hundred children read the result of one parent: in the engine that ran the parent, and in another
// one, which has to fetch it. The bytes are those that crossed the connections
// of the engine's pool. What is returned does not compress, and a child that reads anything else fails the run.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import type { EngineOptions } from '../engine/options.ts';
import type { StepHandlerClass } from '../handlers/registry.ts';
import type { StepContext } from '../handlers/step-context.ts';
import { StepHandler } from '../handlers/step-handler.ts';
import type { Database } from '../sql/database.ts';
import { benchmark } from './benchmark.ts';
import { MemoryWatch, socketsOf, traffic } from './footprint.ts';
import { median, repeated, rounded } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { LINEAR, linear, shape, wide, type Shape, type Step } from './shapes.ts';
import { createTasks, runToEnd, verifyAuditTrail, type Run } from './work.ts';

const KB = 1000;
const MB = 1_000_000;
/** Beyond the default of 4 MiB. */
const MAX_RESULT_BYTES = 6 * MB;
const CHILDREN = 100;
const QUICK_CHILDREN = 5;

export interface PayloadsOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly concurrency: number;
  readonly onProgress: (line: string) => void;
}

export interface PayloadRow {
  readonly shape: string;
  /** Of the JSON text of one large result. */
  readonly result_bytes: number;
  readonly tasks: number;
  readonly steps: number;
  /** Steps that read a large result of a parent. */
  readonly readers: number;
  readonly steps_per_second: number;
  /** Results written and read by handlers, in a second. */
  readonly written_mb_per_second: number;
  readonly read_mb_per_second: number;
  /** What crossed the wire to the engine, everything included, divided by `readers`. */
  readonly received_bytes_per_reader: number;
  /** The same in results: 1 says that each reader got its own copy over the wire. */
  readonly received_results_per_reader: number;
  readonly sent_bytes_per_step: number;
  /** Most memory of the process, and how much of it came with the run. */
  readonly rss_peak_mb: number;
  readonly rss_growth_mb: number;
  readonly node_cpu_us_per_step: number;
  readonly postgres_cpu_us_per_step: number | null;
}

export interface PayloadsResult {
  readonly runs: number;
  readonly rows: readonly PayloadRow[];
}

export const payloads = benchmark<PayloadsResult>({
  name: 'payloads',
  says: 'Results of 1 KB, 100 KB and 5 MB: rates, bytes on the wire, memory',
  measure: benchPayloads,
  report: payloadsText,
});

interface Work {
  readonly shape: Shape;
  readonly tasks: number;
  readonly bytes: number;
  /** Steps of one task that write a large result while the clock runs. */
  readonly writers: number;
  readonly readers: number;
  /** The large results are written by an engine that is gone before anybody reads them. */
  readonly writtenElsewhere: boolean;
}

async function benchPayloads(server: BenchServer, options: PayloadsOptions): Promise<PayloadsResult> {
  const works = options.quick ? [chain(KB, 3), elsewhere(fan(5 * MB, 1, QUICK_CHILDREN))] : fullWorks();
  const rows = await repeated(works.length, async (place) => {
    const work = works[place] as Work;
    const runs = await repeated(options.runs, () =>
      server.withDatabase((database) => runOnce(database, work, options.concurrency)),
    );
    const row = summary(work, runs);
    options.onProgress(`payloads: ${row.shape}, ${row.result_bytes} bytes, ${row.steps_per_second} steps/s`);
    return row;
  });
  return { runs: options.runs, rows };
}

function fullWorks(): Work[] {
  return [
    chain(KB, 2000),
    chain(100 * KB, 100),
    chain(5 * MB, 4),
    fan(KB, 100, CHILDREN),
    fan(100 * KB, 10, CHILDREN),
    fan(5 * MB, 1, CHILDREN),
    elsewhere(fan(5 * MB, 1, CHILDREN)),
  ];
}

function chain(bytes: number, tasks: number): Work {
  const steps = linear(LINEAR.steps).map(withLargeResult);
  const made = shape('linear 7', { tasks, quickTasks: tasks }, steps);
  return {
    shape: made,
    tasks,
    bytes,
    writers: steps.length,
    readers: steps.length - 1,
    writtenElsewhere: false,
  };
}

/** A parent with a large result, its children, and a step that waits for all of them. */
function fan(bytes: number, tasks: number, children: number): Work {
  const steps = wide(children + 2).map((step) =>
    step.name === 'split' ? withLargeResult(step) : { ...step, handler_class: 'SmallResultHandler' },
  );
  const made = shape(`1 to ${children}`, { tasks, quickTasks: tasks }, steps);
  return { shape: made, tasks, bytes, writers: 1, readers: children, writtenElsewhere: false };
}

function elsewhere(work: Work): Work {
  const name = `${work.shape.name}, elsewhere`;
  return { ...work, shape: { ...work.shape, name }, writers: 0, writtenElsewhere: true };
}

function withLargeResult(step: Step): Step {
  return { ...step, handler_class: 'LargeResultHandler' };
}

interface Handlers extends Readonly<Record<string, StepHandlerClass>> {
  readonly LargeResultHandler: StepHandlerClass;
  readonly SmallResultHandler: StepHandlerClass;
}

/** Handlers whose large results have so many bytes as JSON text. */
function handlersFor(bytes: number): Handlers {
  const length = bytes - JSON.stringify({ data: '' }).length;
  const data = randomBytes(length).toString('base64').slice(0, length);
  class LargeResultHandler extends StepHandler {
    override process(context: StepContext): { data: string } {
      readParents(context, length);
      return { data };
    }
  }
  class SmallResultHandler extends StepHandler {
    override process(context: StepContext): { ok: boolean } {
      if (context.step.name !== 'join') readParents(context, length);
      return { ok: true };
    }
  }
  return { LargeResultHandler, SmallResultHandler };
}

function readParents({ sequence }: StepContext, expected: number): void {
  for (const name of sequence.names()) {
    const { data } = sequence.result(name) as { data: string };
    if (data.length !== expected)
      throw new RangeError(`${name}: expected ${expected} bytes, came ${data.length}`);
  }
}

interface PayloadRun extends Run {
  readonly received_bytes: number;
  readonly sent_bytes: number;
  readonly rss_peak: number;
  readonly rss_before: number;
}

async function runOnce(
  database: Database,
  { shape: made, tasks, bytes, writtenElsewhere }: Work,
  concurrency: number,
): Promise<PayloadRun> {
  const log = pino({ level: 'silent' });
  const sockets = socketsOf(database);
  const queue = new GraphileWorkerQueue({ database, log });
  await queue.install();
  const creator = new Engine({ database, queue });
  await creator.registerTemplates([made.template]);
  await createTasks(creator, made, tasks);
  await database.query('analyze');

  const handlers = handlersFor(bytes);
  const options = { database, concurrency, log, maxResultBytes: MAX_RESULT_BYTES };
  if (writtenElsewhere) await writeLargeResults(options, handlers, tasks);
  const [before, memory] = [traffic(sockets), new MemoryWatch()];
  const run = await runToEnd({ ...options, queue, handlers }, tasks);
  const after = traffic(sockets);
  const { peak, first } = memory.end();
  await verifyAuditTrail(database, made, tasks);
  return {
    ...run,
    received_bytes: after.received - before.received,
    sent_bytes: after.sent - before.sent,
    rss_peak: peak,
    rss_before: first,
  };
}

/** An engine that serves the parents alone, and ends when they have. */
async function writeLargeResults(
  options: EngineOptions,
  { LargeResultHandler }: Handlers,
  tasks: number,
): Promise<void> {
  const engine = new Engine({ ...options, handlers: { LargeResultHandler } });
  let left = tasks;
  const written = new Promise<void>((resolve) => {
    engine.on('step.completed', () => {
      left -= 1;
      if (left === 0) resolve();
    });
  });
  await Promise.all([engine.start(), written]);
  await engine.stop();
}

function summary(work: Work, runs: readonly PayloadRun[]): PayloadRow {
  const { tasks, bytes } = work;
  const steps = tasks * work.shape.steps;
  const readers = tasks * work.readers;
  const of = (pick: (run: PayloadRun) => number): number => median(runs.map(pick));
  const seconds = of((run) => run.run_ms - run.startup_ms) / 1000;
  const postgres = runs.flatMap((run) => run.postgres_cpu_ms ?? []);
  const received = of((run) => run.received_bytes) / readers;
  return {
    shape: work.shape.name,
    result_bytes: bytes,
    tasks,
    steps,
    readers,
    steps_per_second: Math.round(steps / seconds),
    written_mb_per_second: rounded((tasks * work.writers * bytes) / MB / seconds),
    read_mb_per_second: rounded((readers * bytes) / MB / seconds),
    received_bytes_per_reader: Math.round(received),
    received_results_per_reader: rounded(received / bytes),
    sent_bytes_per_step: Math.round(of((run) => run.sent_bytes) / steps),
    rss_peak_mb: Math.round(of((run) => run.rss_peak) / MB),
    rss_growth_mb: Math.round(of((run) => run.rss_peak - run.rss_before) / MB),
    node_cpu_us_per_step: rounded((of((run) => run.node_cpu_ms) * 1000) / steps),
    postgres_cpu_us_per_step: postgres.length > 0 ? rounded((median(postgres) * 1000) / steps) : null,
  };
}

function payloadsText({ runs, rows }: PayloadsResult): string {
  const head = [
    'shape',
    'result',
    'steps',
    'steps/s',
    'MB/s written',
    'read',
    'received per reader',
    'in results',
    'sent per step',
    'rss MB',
    'growth',
    'CPU us/step: node',
    'postgres',
  ];
  const body = rows.map((row) => [
    row.shape,
    row.result_bytes.toLocaleString('en'),
    row.steps,
    row.steps_per_second,
    row.written_mb_per_second,
    row.read_mb_per_second,
    row.received_bytes_per_reader.toLocaleString('en'),
    row.received_results_per_reader,
    row.sent_bytes_per_step.toLocaleString('en'),
    row.rss_peak_mb,
    row.rss_growth_mb,
    row.node_cpu_us_per_step,
    row.postgres_cpu_us_per_step ?? '-',
  ]);
  const title = `payloads: large results, and the bytes that came over the wire for each step that reads one (medians of ${runs} runs)`;
  return `${title}\n${table(head, body)}`;
}
