// How long one task takes when nothing else runs: from createTask to the end of a seven-step chain, and from the end of one
// handler to the start of the next (record, claim, dispatch).
import { pino } from 'pino';
import { Engine } from '../engine/engine.ts';
import type { Database } from '../sql/database.ts';
import { median, percentile, repeated, rounded, timed } from './measure.ts';
import type { BenchServer } from './server.ts';
import { LINEAR, NoopHandler } from './shapes.ts';
import { benchmark } from './benchmark.ts';
import { table } from './report.ts';

export interface LatencyOptions {
  readonly quick: boolean;
  readonly runs: number;
  readonly onProgress: (line: string) => void;
}

export interface LatencyResult {
  readonly runs: number;
  /** Tasks per run. */
  readonly tasks: number;
  /** From createTask to the completion of the seventh step, in ms; medians of the runs. */
  readonly task_p50_ms: number;
  readonly task_p99_ms: number;
  /** From the end of a handler to the start of the next one of the chain, in ms. */
  readonly step_to_step_p50_ms: number;
}

interface Run {
  readonly tasks: readonly number[];
  readonly gaps: readonly number[];
}

export const latency = benchmark<LatencyResult>({
  name: 'latency',
  says: 'One chain of seven steps on an idle engine, and from step to step',
  measure: benchLatency,
  report: latencyText,
  headlines: (result) => [
    [
      'seven steps in a chain, idle system, from createTask to the end',
      `p50 ${result.task_p50_ms} ms, p99 ${result.task_p99_ms} ms`,
    ],
    ['from the end of a step to the start of the next', `p50 ${result.step_to_step_p50_ms} ms`],
  ],
});

async function benchLatency(server: BenchServer, options: LatencyOptions): Promise<LatencyResult> {
  const tasks = options.quick ? 20 : 200;
  const runs = await repeated(options.runs, async (round) => {
    const run = await server.withDatabase((database) => runOnce(database, tasks));
    options.onProgress(`latency: run ${round + 1} of ${options.runs}, p50 ${rounded(median(run.tasks))} ms`);
    return run;
  });
  const of = (pick: (run: Run) => number): number => rounded(median(runs.map(pick)));
  return {
    runs: options.runs,
    tasks,
    task_p50_ms: of((run) => percentile(run.tasks, 0.5)),
    task_p99_ms: of((run) => percentile(run.tasks, 0.99)),
    step_to_step_p50_ms: of((run) => percentile(run.gaps, 0.5)),
  };
}

async function runOnce(database: Database, tasks: number): Promise<Run> {
  const log = pino({ level: 'silent' });
  const engine = new Engine({ database, handlers: [NoopHandler], templates: [LINEAR.template], log });
  await engine.start();
  const gaps = gapsBetweenSteps(engine);
  try {
    await repeated(10, () => oneTask(engine)); // plans, pools and compilers warm up
    gaps.length = 0;
    const times = await repeated(tasks, async () => (await timed(() => oneTask(engine))).ms);
    return { tasks: times, gaps: [...gaps] };
  } finally {
    await engine.stop();
  }
}

async function oneTask(engine: Engine): Promise<void> {
  const completed = new Promise<void>((resolve) => {
    const off = engine.on('task.completed', () => {
      off();
      resolve();
    });
  });
  const { namespace_name, name } = LINEAR.template;
  await engine.createTask({ namespace_name, name, context: { kind: 'latency' } });
  await completed;
}

/** Filled while the engine runs one chain at a time. */
function gapsBetweenSteps(engine: Engine): number[] {
  const gaps: number[] = [];
  let task: number | undefined;
  let endedAt = 0;
  engine.on('step.handle', ({ task_id }) => {
    [task, endedAt] = [task_id, performance.now()];
  });
  engine.on('step.before_handle', ({ task_id }) => {
    if (task_id === task) gaps.push(performance.now() - endedAt);
  });
  return gaps;
}

function latencyText({ runs, tasks, ...times }: LatencyResult): string {
  const title = `latency: seven steps in a chain on an idle engine, in ms (medians of ${runs} runs of ${tasks} tasks)`;
  const body = [[times.task_p50_ms, times.task_p99_ms, times.step_to_step_p50_ms]];
  return `${title}\n${table(['task p50', 'task p99', 'step to next step p50'], body)}`;
}
