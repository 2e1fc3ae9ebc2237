// BullMQ does what every queue must: on a Redis of its own that can be killed, consumed by other processes.
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, inject } from 'vitest';
import { bullMqQueueOf } from '../../../engine/queue/bullmq.ts';
import { consumeElsewhere, testQueue } from '../../support/queue-suite.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

/** As somebody would who writes to the keys of BullMQ by hand: a job that has a name and no data of ours. */
async function pushPoison(url: string): Promise<void> {
  const redis = new Redis(url);
  const id = await redis.incr('bull:treadle:id');
  await redis.hset(`bull:treadle:${id}`, {
    name: 'send_mail',
    data: '{"to":"all"}',
    opts: '{}',
    timestamp: 1,
  });
  await redis.lpush('bull:treadle:wait', id);
  await redis.zadd('bull:treadle:marker', 0, '0');
  redis.disconnect();
}

describe.skipIf(noRedis)('bullmq', () => {
  testQueue({
    open: async () => {
      const redis = await startRedis({ persistent: true });
      const queue = redis.url.replace('redis:', 'redis+bullmq:');
      const adapter = bullMqQueueOf(new URL(queue), { log: pino({ level: 'silent' }) });
      await adapter.install();
      return {
        adapter,
        consume: (runTask) => consumeElsewhere({ queue, database: inject('postgres').url }, runTask),
        restartServer: () => redis.restart(),
        pushPoison: () => pushPoison(redis.url),
        close: () => adapter.stop(),
      };
    },
    features: { priority: true, dedupe: true, survivesRestart: true },
    delayToleranceMs: 2000,
  });
});
