// The three ways of every queue: the queue alone with a job that does nothing, Treadle's adapter on it without an engine, and
// tasks of one step through the whole engine.
import { pino } from 'pino';
import { GrpcServer } from '../../bindings/grpc/server.ts';
import { Engine } from '../../engine/engine.ts';
import { dedupeKey, type QueueAdapter, type RunTask, type TaskJob } from '../../engine/queue/adapter.ts';
import type { StepHandlerClass } from '../../handlers/registry.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { StepHandler } from '../../handlers/step-handler.ts';
import type { Database } from '../../sql/database.ts';
import { serveRunTask } from '../../test/support/run-task-server.ts';
import { linear, shape } from '../shapes.ts';
import { verifyAuditTrail } from '../work.ts';
import type { Listener, OpenWay } from './way.ts';
import type { WorkerProcess } from './worker-process.ts';

const ONE_STEP = shape('one step', { tasks: 0, quickTasks: 0 }, linear(1));
const log = pino({ level: 'silent' });

/** Starts the queue's own worker process, which calls RunTask at this address. Queues that Node consumes have none. */
export type StartWorker = (target: string) => Promise<WorkerProcess>;

export interface Consumed {
  readonly queue: QueueAdapter;
  readonly startWorker: StartWorker | undefined;
}

/** Jobs of the adapter, up to the call of RunTask: what the queue and the adapter take together. */
export function adapterWay({ queue, startWorker }: Consumed): OpenWay {
  return async ({ began, ended }) => {
    const runTask: RunTask = async (id) => {
      began(id);
      ended(id);
    };
    await queue.install();
    const server = startWorker && (await serveRunTask(runTask));
    const worker = server && (await startWorker(server.target));
    await queue.start(runTask);
    return {
      add: (ids) => queue.enqueue(ids.map(jobOf)),
      ...(worker ? { broken: worker.died, lastWords: () => worker.lastWords } : {}),
      close: async () => {
        await worker?.end();
        await queue.stop();
        server?.close();
      },
    };
  };
}

/** The same jobs, but the worker process has a job in place of Treadle's that does nothing and says so. */
export function foreignBareWay(
  queue: QueueAdapter,
  startBare: (onRan: (id: number) => void) => Promise<WorkerProcess>,
): OpenWay {
  return async ({ began, ended }) => {
    await queue.install();
    const worker = await startBare((id) => {
      began(id);
      ended(id);
    });
    return {
      add: (ids) => queue.enqueue(ids.map(jobOf)),
      broken: worker.died,
      lastWords: () => worker.lastWords,
      close: async () => {
        await worker.end();
        await queue.stop();
      },
    };
  };
}

/** From `createTask` to the first step, and to the end of the task. Each leaves its audit trail. */
export function taskWay(database: Database, { queue, startWorker }: Consumed): OpenWay {
  return async (listener) => {
    const engine = new Engine({ database, queue, log, handlers: { NoopHandler: noticed(listener) } });
    const server = new GrpcServer({ engine, database, listen: ['127.0.0.1:0'] });
    await engine.registerTemplates([ONE_STEP.template]);
    engine.on('task.completed', ({ task_id }) => listener.ended(task_id));
    await engine.start();
    const [address = ''] = await server.start();
    const worker = await startWorker?.(address);
    const { namespace_name, name } = ONE_STEP.template;
    return {
      add: async (ids) => {
        await engine.createTasks(ids.map((place) => ({ namespace_name, name, context: { place } })));
      },
      ...(worker ? { broken: worker.died, lastWords: () => worker.lastWords } : {}),
      verify: (tasks) => verifyAuditTrail(database, ONE_STEP, tasks),
      close: async () => {
        await worker?.end();
        await engine.stop();
        await server.stop({ graceSeconds: 0 });
      },
    };
  };
}

function noticed({ began }: Listener): StepHandlerClass {
  return class extends StepHandler {
    override process({ task }: StepContext): unknown {
      began(Number(task.context['place']));
      return { ok: true };
    }
  };
}

function jobOf(id: number): TaskJob {
  return {
    task_id: id,
    run_at: undefined,
    reason: 'created',
    dedupe_key: dedupeKey(id),
    priority: 0,
    correlation_id: `bench-${id}`,
  };
}
