// Sidekiq does what every queue must: jobs pushed in its format into a real Redis, run by real Sidekiq processes that call
// RunTask over gRPC.
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe } from 'vitest';
import type { RunTask } from '../../../engine/queue/adapter.ts';
import type { QueueConsumer, QueueUnderTest } from '../../../engine/queue/conformance.ts';
import { sidekiqQueueOf } from '../../../engine/queue/sidekiq/sidekiq.ts';
import { testQueue } from '../../support/queue-suite.ts';
import { startRedis } from '../../support/redis.ts';
import { serveRunTask } from '../../support/run-task-server.ts';
import { noSidekiq, startSidekiq } from '../../support/sidekiq.ts';

const QUEUES = ['high', 'default', 'low'];
const UNKNOWN_CLASS = { class: 'NoSuchJob', args: [], jid: 'f00d', queue: 'default', retry: true };

async function consume(redisUrl: string, runTask: RunTask): Promise<QueueConsumer> {
  const server = await serveRunTask(runTask);
  const sidekiq = await startSidekiq({ redisUrl, target: server.target, queues: QUEUES });
  const end = (how: 'stop' | 'kill') => async (): Promise<void> => {
    await sidekiq[how]();
    server.close();
  };
  return { stop: end('stop'), kill: end('kill') };
}

/** What is no JSON, no object, no class that is there, and no task id. */
async function pushPoison(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  const messages = [UNKNOWN_CLASS, { ...UNKNOWN_CLASS, class: 'Treadle::RunTaskJob', args: ['all of them'] }];
  await redis.lpush('queue:default', 'not JSON', '[]', ...messages.map((each) => JSON.stringify(each)));
  redis.disconnect();
}

function open(query = ''): () => Promise<QueueUnderTest> {
  return async () => {
    const redis = await startRedis({ persistent: true });
    const url = redis.url.replace('redis:', 'sidekiq:');
    const log = pino({ level: 'silent' });
    const adapter = sidekiqQueueOf(new URL(`${url}?priority_queues=high:50,low:-50${query}`), { log });
    await adapter.install();
    await adapter.start();
    return {
      adapter,
      consume: (runTask) => consume(redis.url, runTask),
      restartServer: () => redis.restart(),
      pushPoison: () => pushPoison(redis.url),
      close: () => adapter.stop(),
    };
  };
}

describe.skipIf(noSidekiq)('Sidekiq 6.4', () => {
  testQueue({
    open: open(),
    features: { priority: true, dedupe: true, survivesRestart: true },
    delayToleranceMs: 10_000, // its poller begins up to 5 s after the process
  });
});
