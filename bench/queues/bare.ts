// The queues that Node consumes, alone: jobs that do nothing, added and run as their documentation says, with the settings
// that the adapters have too.
import { Queue, Worker } from 'bullmq';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import type { OpenWay } from './way.ts';

const AT_ONCE = 100;
const NAME = 'noop';

export function bareGraphile(connectionString: string): OpenWay {
  return async ({ began, ended }) => {
    const preset = {
      worker: {
        connectionString,
        logger: new Logger(() => () => {}),
        concurrentJobs: AT_ONCE,
        maxPoolSize: 4,
        localQueue: { size: AT_ONCE },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    };
    const utils = await makeWorkerUtils({ preset });
    await utils.migrate();
    const task = async (payload: unknown): Promise<void> => {
      const { id } = payload as { id: number };
      began(id);
      ended(id);
    };
    const runner = await run({ preset, taskList: { [NAME]: task }, noHandleSignals: true });
    return {
      add: async (ids) => {
        await utils.addJobs(ids.map((id) => ({ identifier: NAME, payload: { id } })));
      },
      close: async () => {
        await runner.stop();
        await utils.release();
      },
    };
  };
}

export function bareBullMq(url: string): OpenWay {
  return async ({ began, ended }) => {
    const { hostname, port } = new URL(url);
    const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null };
    const queue = new Queue<{ id: number }>('bare', { connection });
    const process = async ({ data }: { data: { id: number } }): Promise<void> => {
      began(data.id);
      ended(data.id);
    };
    const removeOnComplete = { count: 0 };
    const worker = new Worker<{ id: number }>('bare', process, {
      connection,
      concurrency: AT_ONCE,
      removeOnComplete,
    });
    worker.on('error', (error) => console.error(error));
    await worker.waitUntilReady();
    return {
      add: async (ids) => {
        await queue.addBulk(ids.map((id) => ({ name: NAME, data: { id } })));
      },
      close: async () => {
        await worker.close();
        await queue.close();
      },
    };
  };
}
