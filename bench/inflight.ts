// A hundred thousand steps in flight in one process: handlers that await something, as they would a slow service. What each of
// them costs in memory beyond what the handler itself keeps, in how large batches they are claimed and recorded, and how
// fast they complete once what they wait for is there. Once as tasks of a single step, once as the steps of wide tasks.
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import { GraphileWorkerQueue } from '../engine/queue/graphile-worker.ts';
import type { StepHandlerClass } from '../handlers/registry.ts';
import { StepHandler } from '../handlers/step-handler.ts';
import type { Database } from '../sql/database.ts';
import { benchmark } from './benchmark.ts';
import { median, repeated } from './measure.ts';
import { table } from './report.ts';
import type { BenchServer } from './server.ts';
import { NoopHandler, shape, wide, type Shape } from './shapes.ts';
import { allCompleted, createTasks, verifyAuditTrail } from './work.ts';

const IN_FLIGHT = 100_000;
const QUICK_IN_FLIGHT = 400;
const WARM_UP_TASKS = 200;
/** Parallel steps of a wide task. */
const WIDTH = 1000;
const QUICK_WIDTH = 100;
const LOOK_AGAIN_MS = 200;

export interface InflightOptions {
  readonly quick: boolean;
  readonly onProgress: (line: string) => void;
}

export interface InflightRow {
  readonly shape: string;
  readonly tasks: number;
  readonly steps_in_flight: number;
  /** Of the heap, beyond what the handler's own promise takes. */
  readonly heap_bytes_per_step: number;
  /** What an async function that waits for the same takes by itself. */
  readonly handler_bytes_per_step: number;
  /** Of the process as the system sees it; the heap keeps room to spare. */
  readonly rss_bytes_per_step: number;
  /** From the first claim until the last handler waits; tasks are started meanwhile. */
  readonly claimed_per_second: number;
  /** From the release of all until the last task is complete. */
  readonly completed_per_second: number;
  readonly complete_all_ms: number;
  readonly claims: Batches;
  readonly outcomes: Batches;
}

/** Steps in one statement. */
interface Batches {
  readonly statements: number;
  readonly median_size: number;
  readonly largest: number;
}

export interface InflightResult {
  readonly rows: readonly InflightRow[];
}

export const inflight = benchmark<InflightResult>({
  name: 'inflight',
  says: 'A hundred thousand steps in flight in one process: memory, batches, rates',
  runs: 1,
  measure: benchInflight,
  report: inflightText,
});

async function benchInflight(server: BenchServer, options: InflightOptions): Promise<InflightResult> {
  const { quick, onProgress } = options;
  const inFlight = quick ? QUICK_IN_FLIGHT : IN_FLIGHT;
  const shapes = [oneStep(inFlight), manySteps(inFlight, quick ? QUICK_WIDTH : WIDTH)];
  const rows = await repeated(shapes.length, async (place) => {
    const work = shapes[place] as Work;
    const row = await server.withDatabase((database) => measure(database, work, inFlight));
    onProgress(`inflight: ${row.shape}, ${row.heap_bytes_per_step} bytes for each step`);
    return row;
  });
  return { rows };
}

/** What is to be in flight: so many tasks of this shape, with so many waiting steps each. */
interface Work {
  readonly shape: Shape;
  readonly tasks: number;
}

function oneStep(inFlight: number): Work {
  const counts = { tasks: inFlight, quickTasks: inFlight };
  const step = { name: 'wait', depends_on_steps: [], handler_class: 'WaitingHandler' };
  return { shape: shape('one step', counts, [step]), tasks: inFlight };
}

function manySteps(inFlight: number, width: number): Work {
  const tasks = Math.ceil(inFlight / width);
  const steps = wide(width + 2).map((step) =>
    step.name.startsWith('part_') ? { ...step, handler_class: 'WaitingHandler' } : step,
  );
  return { shape: shape(`wide ${width}`, { tasks, quickTasks: tasks }, steps), tasks };
}

/** What the handlers wait for: opened for all of them at once. */
class Gate {
  #resolvers: (() => void)[] = [];
  #reached: { readonly count: number; readonly tell: () => void } | undefined;

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolvers.push(resolve);
      if (this.#resolvers.length === this.#reached?.count) this.#reached.tell();
    });
  }

  /** Resolves when so many wait. */
  reached(count: number): Promise<void> {
    return new Promise((tell) => {
      this.#reached = { count, tell };
    });
  }

  open(): void {
    const resolvers = this.#resolvers;
    this.#resolvers = [];
    for (const resolve of resolvers) resolve();
  }
}

function waitingHandler(gate: Gate): StepHandlerClass {
  return class WaitingHandler extends StepHandler {
    override async process(): Promise<{ ok: boolean }> {
      await gate.wait();
      return { ok: true };
    }
  };
}

async function measure(
  database: Database,
  { shape: work, tasks }: Work,
  inFlight: number,
): Promise<InflightRow> {
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  await queue.install();
  const creator = new Engine({ database, queue });
  await creator.registerTemplates([WARM_UP.template, work.template]);
  await createTasks(creator, WARM_UP, WARM_UP_TASKS);
  const handlerBytes = await handlerAlone(inFlight);

  const gate = new Gate();
  const handlers = { NoopHandler, WaitingHandler: waitingHandler(gate) };
  const engine = new Engine({ database, queue, handlers, concurrency: inFlight * 1.2, log });
  const warm = allCompleted(engine, WARM_UP_TASKS);
  await Promise.all([engine.start(), warm]);
  try {
    await engine.pause({ handler: 'WaitingHandler' });
    await createTasks(creator, work, tasks);
    await until(database, inFlight, 'select count(*) as found from treadle.ready_steps where held');
    await database.query('analyze');
    const before = memory();
    const claimed = await timeToClaim(engine, gate, inFlight);
    await until(database, inFlight, IN_PROGRESS);
    const after = memory();
    const completed = await timeToComplete(engine, gate, tasks);
    await verifyAuditTrail(database, work, tasks);
    return {
      shape: work.name,
      tasks,
      steps_in_flight: inFlight,
      heap_bytes_per_step: Math.round((after.heap - before.heap) / inFlight - handlerBytes),
      handler_bytes_per_step: Math.round(handlerBytes),
      rss_bytes_per_step: Math.round((after.rss - before.rss) / inFlight),
      claimed_per_second: Math.round((inFlight * 1000) / claimed),
      completed_per_second: Math.round((inFlight * 1000) / completed),
      complete_all_ms: Math.round(completed),
      claims: await batches(database, 'in_progress'),
      outcomes: await batches(database, 'complete'),
    };
  } finally {
    gate.open();
    await engine.stop();
  }
}

/** The starts of short steps may be written together with their ends: these are not short, so that will be soon. */
const IN_PROGRESS = `select count(*) as found from tasker_workflow_step_transitions
  where most_recent and to_state = 'in_progress'`;

/** Resolves when the statement counts so many. */
async function until(database: Database, count: number, statement: string): Promise<void> {
  for (;;) {
    const [row] = await database.query<{ found: number }>(statement);
    if (row?.found === count) return;
    await pause(LOOK_AGAIN_MS);
  }
}

const WARM_UP = shape('warm up', { tasks: WARM_UP_TASKS, quickTasks: WARM_UP_TASKS }, [
  { name: 'warm_up', depends_on_steps: [] },
]);

/** Lets the engine claim them all, in ms. They are offered while their handler is paused, so that claims are all it does. */
async function timeToClaim(engine: Engine, gate: Gate, inFlight: number): Promise<number> {
  const allWait = gate.reached(inFlight);
  const firstClaim = new Promise<number>((resolve) => {
    const off = engine.on('workflow.viable_steps_discovered', () => {
      off();
      resolve(performance.now());
    });
  });
  const asked = performance.now();
  await engine.resume({ handler: 'WaitingHandler' });
  await allWait;
  return performance.now() - Math.max(await firstClaim, asked);
}

async function timeToComplete(engine: Engine, gate: Gate, tasks: number): Promise<number> {
  const completed = allCompleted(engine, tasks);
  const start = performance.now();
  gate.open();
  await completed;
  return performance.now() - start;
}

/** Bytes that an async function takes which waits for a gate, as the handler does, and nothing else. */
async function handlerAlone(count: number): Promise<number> {
  const gate = new Gate();
  const wait = async (): Promise<{ ok: boolean }> => {
    await gate.wait();
    return { ok: true };
  };
  const before = memory();
  const waits = Array.from({ length: count }, wait);
  const after = memory();
  gate.open();
  await Promise.all(waits);
  return (after.heap - before.heap) / count;
}

let collectGarbage: (() => void) | undefined;

/** After everything that nobody holds is gone. */
function memory(): { readonly heap: number; readonly rss: number } {
  setFlagsFromString('--expose-gc');
  collectGarbage ??= runInNewContext('gc') as () => void;
  collectGarbage();
  collectGarbage(); // what the first one has only told that it may go
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, rss };
}

/** Of the steps that waited: all that one statement wrote has the same instant. */
async function batches(database: Database, state: 'in_progress' | 'complete'): Promise<Batches> {
  const rows = await database.query<{ steps: number }>(
    `select count(*) as steps
     from tasker_workflow_step_transitions c
     join tasker_workflow_steps s on s.workflow_step_id = c.workflow_step_id
     join tasker_named_steps n on n.named_step_id = s.named_step_id
     where c.to_state = $1 and (n.name = 'wait' or n.name like 'part\\_%')
     group by c.created_at`,
    [state],
  );
  const sizes = rows.map((row) => row.steps);
  return { statements: sizes.length, median_size: median(sizes), largest: Math.max(...sizes) };
}

function inflightText({ rows }: InflightResult): string {
  const head = [
    'shape',
    'tasks',
    'in flight',
    'heap bytes/step',
    "handler's own",
    'rss',
    'claimed/s',
    'completed/s',
    'claims',
    'steps each',
    'outcomes',
    'steps each',
  ];
  const body = rows.map((row) => [
    row.shape,
    row.tasks,
    row.steps_in_flight,
    row.heap_bytes_per_step,
    row.handler_bytes_per_step,
    row.rss_bytes_per_step,
    row.claimed_per_second,
    row.completed_per_second,
    row.claims.statements,
    row.claims.median_size,
    row.outcomes.statements,
    row.outcomes.median_size,
  ]);
  const title =
    'inflight: steps whose handlers all wait at once, in one process; heap beyond the handlers own';
  return `${title}\n${table(head, body)}`;
}
