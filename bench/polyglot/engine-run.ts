// One run through the whole engine: no-op steps that the engine's own process runs, or a worker process in another language.
// Everything is warm before the clock starts: the same engine and the same worker have run steps already.
import { pino } from 'pino';
import { GrpcServer } from '../../bindings/grpc/server.ts';
import { Engine } from '../../engine/engine.ts';
import { GraphileWorkerQueue } from '../../engine/queue/graphile-worker.ts';
import type { Database } from '../../sql/database.ts';
import { LINEAR, NoopHandler, WARM_UP } from '../shapes.ts';
import { allCompleted, cpuBetween, cpuNow, createTasks, verifyAuditTrail, type Cpu } from '../work.ts';
import { Subject, type Language } from './subjects.ts';

export interface EngineRunOptions {
  /** Undefined: the engine's own process. */
  readonly language: Language | undefined;
  readonly inFlight: number;
  readonly tasks: number;
  readonly warmUpTasks: number;
}

export interface EngineRun extends Cpu {
  readonly ms: number;
  readonly worker_cpu_ms: number | undefined;
}

export async function runOnce(database: Database, options: EngineRunOptions): Promise<EngineRun> {
  const { language, inFlight } = options;
  const log = pino({ level: 'silent' });
  const queue = new GraphileWorkerQueue({ database, log });
  await queue.install();
  const engine = new Engine({
    database,
    queue,
    log,
    handlers: language ? [] : [NoopHandler],
    concurrency: inFlight,
  });
  const server = new GrpcServer({ engine, database, listen: ['127.0.0.1:0'] });
  await engine.registerTemplates([WARM_UP.template, LINEAR.template]);
  await engine.start();
  const [address = ''] = await server.start();
  const worker = language && Subject.worker(language, address, inFlight);
  try {
    return await measured({ database, engine, worker, ...options });
  } finally {
    await worker?.end('SIGTERM');
    await engine.stop();
    await server.stop({ graceSeconds: 0 });
  }
}

interface Running extends EngineRunOptions {
  readonly database: Database;
  readonly engine: Engine;
  readonly worker: Subject | undefined;
}

async function measured(running: Running): Promise<EngineRun> {
  const { database, engine, worker, tasks, warmUpTasks } = running;
  await untilCompleted(running, warmUpTasks, () => createTasks(engine, WARM_UP, warmUpTasks));
  const { namespace_name } = LINEAR.template;
  await engine.pause({ namespace_name });
  await createTasks(engine, LINEAR, tasks);
  await database.query('analyze');
  const before = { ...(await cpuNow(database)), worker: await worker?.cpuMs() };
  const startedAt = performance.now();
  await untilCompleted(running, tasks, () => engine.resume({ namespace_name }));
  const ms = performance.now() - startedAt;
  const after = { ...(await cpuNow(database)), worker: await worker?.cpuMs() };
  await verifyAuditTrail(database, LINEAR, tasks);
  const worker_cpu_ms = after.worker === undefined ? undefined : after.worker - (before.worker ?? 0);
  return { ms, worker_cpu_ms, ...cpuBetween(before, after) };
}

/** Rejects, too, when the worker dies. */
async function untilCompleted(
  { engine, worker }: Running,
  tasks: number,
  begin: () => Promise<unknown>,
): Promise<void> {
  const completed = allCompleted(engine, tasks);
  await begin();
  await Promise.race(worker ? [completed, worker.died] : [completed]);
}
