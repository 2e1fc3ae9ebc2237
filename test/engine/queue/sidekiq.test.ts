// What the adapter leaves in a real Redis, and what it says when there is none. What Sidekiq makes of it is in
// conformance-sidekiq.test.ts and stories/sidekiq.test.ts.
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { TreadleError } from '../../../core/errors.ts';
import { jobFor } from '../../../engine/queue/trial.ts';
import { SidekiqQueue, type SidekiqQueueOptions } from '../../../engine/queue/sidekiq/sidekiq.ts';
import { noRedis, startRedis } from '../../support/redis.ts';

const AN_HOUR_MS = 3_600_000;
const TEN_MINUTES_MS = 600_000;
const PENDING = 'treadle:pending:default:treadle:task:1';
const log = pino({ level: 'silent' });

async function open(options: Partial<SidekiqQueueOptions> = {}) {
  const server = await startRedis();
  const queue = new SidekiqQueue({ redis: server.url, log, ...options });
  const redis = new Redis(server.url).on('error', () => {}); // some tests kill the server
  onTestFinished(async () => {
    redis.disconnect();
    await queue.stop();
  });
  await queue.start();
  return { server, queue, redis };
}

/** The task ids in a queue, the oldest first. */
async function waitingIn(redis: Redis, queue = 'default'): Promise<unknown[]> {
  const messages = await redis.lrange(`queue:${queue}`, 0, -1);
  return messages.toReversed().map((message) => (JSON.parse(message) as { args: unknown[] }).args[0]);
}

describe.skipIf(noRedis)('jobs', () => {
  test('for now wait in their queue, in order, and the queue is known', async () => {
    const { queue, redis } = await open({ queue: 'tasks' });
    await queue.enqueue([jobFor(1), jobFor(2), jobFor(3, { inMs: -1000 })]);
    expect(await waitingIn(redis, 'tasks')).toEqual([1, 2, 3]);
    expect(await redis.smembers('queues')).toEqual(['tasks']);
  });

  test('for later wait in the schedule, by seconds', async () => {
    const { queue, redis } = await open({ format: 8 });
    const job = jobFor(1, { inMs: AN_HOUR_MS });
    await queue.enqueue([job]);
    const score = await redis.zscore('schedule', String(await redis.zrange('schedule', '0', '0')));
    expect(Number(score)).toBe((job.run_at?.getTime() ?? 0) / 1000);
    expect(await redis.keys('queue*')).toEqual([]);
  });

  test('go to the queue of their priority', async () => {
    const { queue, redis } = await open({ priorityQueues: [{ queue: 'high', from: 50 }] });
    await queue.enqueue([jobFor(1), jobFor(2, { priority: 50 }), jobFor(3, { priority: 49 })]);
    expect([await waitingIn(redis), await waitingIn(redis, 'high')]).toEqual([[1, 3], [2]]);
  });

  test('come in any number', async () => {
    const { queue, redis } = await open();
    await queue.enqueue(Array.from({ length: 2500 }, (_, n) => jobFor(n)));
    expect(await redis.llen('queue:default')).toBe(2500);
    await queue.enqueue([]);
    expect(await redis.llen('queue:default')).toBe(2500);
  });
});

describe.skipIf(noRedis)('a second job of one key', () => {
  test('takes the place of one that waits for its time', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1, { inMs: AN_HOUR_MS })]);
    await queue.enqueue([jobFor(1, { inMs: 1000 })]);
    expect(await redis.zcard('schedule')).toBe(1);
    await queue.enqueue([jobFor(1)]);
    expect([await redis.zcard('schedule'), await waitingIn(redis)]).toEqual([0, [1]]);
  });

  test('is not needed while one waits in the queue, also in one batch', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1), jobFor(1), jobFor(2)]);
    await queue.enqueue([jobFor(2), jobFor(1)]);
    expect(await waitingIn(redis)).toEqual([1, 2]);
  });

  test('for later comes beside one that waits in the queue', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1)]);
    await queue.enqueue([jobFor(1, { inMs: AN_HOUR_MS })]);
    expect([await waitingIn(redis), await redis.zcard('schedule')]).toEqual([[1], 1]);
  });

  test('is pushed when the first was fetched by a process that was killed before it began', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1)]);
    await redis.rpop('queue:default');
    expect(await redis.exists(PENDING)).toBe(1);
    await queue.enqueue([jobFor(1)]);
    expect(await waitingIn(redis)).toEqual([1]);
  });

  test('is pushed when the poller of Sidekiq has moved the first to its queue', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1, { inMs: AN_HOUR_MS })]);
    const [message = ''] = await redis.zpopmin('schedule');
    await redis.lpush('queue:default', JSON.stringify({ ...JSON.parse(message), enqueued_at: 1.5 }));
    await queue.enqueue([jobFor(1)]);
    expect(await waitingIn(redis)).toEqual([1, 1]);
  });

  test('follows the key alone where the queue is too long to look through', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1)]);
    await redis.lpush('queue:default', ...Array.from({ length: 5000 }, () => '{"args":[0]}'));
    await queue.enqueue([jobFor(1)]);
    expect(await redis.llen('queue:default')).toBe(5001);
    await redis.del(PENDING); // as the middleware does when the job begins
    await queue.enqueue([jobFor(1)]);
    expect(await redis.llen('queue:default')).toBe(5002);
  });

  test('is pushed there too when nobody deletes the key, as in the Rails engine', async () => {
    const { queue, redis } = await open({ mode: 'tasker' });
    await queue.enqueue([jobFor(1)]);
    await redis.lpush('queue:default', ...Array.from({ length: 5000 }, () => '{"args":[0]}'));
    await queue.enqueue([jobFor(1)]);
    expect(await redis.llen('queue:default')).toBe(5002);
  });

  test('is never kept back for longer than ten minutes after the instant of the first', async () => {
    const { queue, redis } = await open();
    await queue.enqueue([jobFor(1)]);
    expect(await redis.pttl(PENDING)).toSatisfy((ms: number) => ms > 0 && ms <= TEN_MINUTES_MS);
    await queue.enqueue([jobFor(1, { inMs: AN_HOUR_MS })]);
    const longest = AN_HOUR_MS + TEN_MINUTES_MS;
    expect(await redis.pttl(PENDING)).toSatisfy((ms: number) => ms > AN_HOUR_MS && ms <= longest);
  });
});

describe.skipIf(noRedis)('the adapter says', () => {
  test('what waits, and who runs it', async () => {
    const { server, queue, redis } = await open({ priorityQueues: [{ queue: 'high', from: 1 }] });
    await queue.enqueue([jobFor(1), jobFor(2, { inMs: AN_HOUR_MS })]);
    const [ok, where] = [true, `Sidekiq in Redis at redis://127.0.0.1:${server.port}/0`];
    const counts = '1 jobs in queue default, 0 jobs in queue high, 1 delayed';
    expect(await queue.health()).toEqual({ ok, message: `${where}, ${counts}, no Sidekiq process runs` });
    await redis.sadd('processes', 'host:1:a', 'host:2:b');
    await redis.hset('host:1:a', 'busy', 0); // the other was killed, and its key has expired
    expect(await queue.health()).toEqual({ ok, message: `${where}, ${counts}, 1 Sidekiq processes` });
  });

  test('that Redis does not answer, in time, without the password', async () => {
    const server = await startRedis({ password: 'secret' });
    const queue = new SidekiqQueue({ redis: server.url, log });
    onTestFinished(() => queue.stop());
    await queue.start();
    await queue.install();
    server.freeze();
    const began = performance.now();
    const error: unknown = await queue.enqueue([jobFor(1)]).catch((thrown: unknown) => thrown);
    expect(performance.now() - began).toBeLessThan(8000);
    expect(error).toBeInstanceOf(TreadleError);
    expect(error).toMatchObject({
      code: 'queue_unavailable',
      message: expect.not.stringContaining('secret') as string,
    });
    expect(await queue.health()).toMatchObject({
      ok: false,
      message: expect.stringContaining('Redis at redis://127') as string,
    });
  });

  test('that nobody is there', async () => {
    const { server, queue } = await open();
    await server.kill();
    await expect(queue.install()).rejects.toMatchObject({ code: 'queue_unavailable' });
    await expect(queue.enqueue([jobFor(1)])).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect(await queue.health()).toMatchObject({ ok: false });
  });
});
