// What is BullMQ's own beside what every queue must do: its settings, its traps, and a Redis that is away, frozen or killed.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { dedupeKey, type RunTask, type TaskJob } from '../../../engine/queue/adapter.ts';
import { BullMqQueue, bullMqQueueOf } from '../../../engine/queue/bullmq.ts';
import { choosePort } from '../../../sql/server/port.ts';
import { eventually, Signal } from '../../support/engines.ts';
import { LogBook } from '../../support/logs.ts';
import { consumeElsewhere } from '../../support/queue-suite.ts';
import { noRedis, startRedis, type TestRedis } from '../../support/redis.ts';

const job = (task_id: number, given: Partial<TaskJob> = {}): TaskJob => ({
  task_id,
  run_at: undefined,
  reason: 'created',
  dedupe_key: dedupeKey(task_id),
  priority: 0,
  correlation_id: `test-${task_id}`,
  ...given,
});

const later = (ms: number): Partial<TaskJob> => ({ run_at: new Date(Date.now() + ms) });

interface Place {
  readonly redis: TestRedis;
  readonly queue: BullMqQueue;
  readonly book: LogBook;
}

async function place({ persistent = false, concurrency = 100 } = {}): Promise<Place> {
  const [redis, book] = [await startRedis({ persistent }), new LogBook()];
  const queue = new BullMqQueue({ url: redis.url, log: book.log, concurrency });
  onTestFinished(() => queue.stop());
  await queue.install();
  return { redis, queue, book };
}

/** The queue as BullMQ itself sees it, or a dashboard. */
function seen(redis: TestRedis): Queue {
  const connection = { host: '127.0.0.1', port: redis.port };
  const queue = new Queue('treadle', { connection });
  queue.on('error', () => {}); // some tests kill its Redis
  onTestFinished(() => queue.close());
  return queue;
}

async function inRedis<Result>(redis: TestRedis, act: (client: Redis) => Promise<Result>): Promise<Result> {
  const client = new Redis(redis.url);
  try {
    return await act(client);
  } finally {
    client.disconnect();
  }
}

const keysIn = (redis: TestRedis): Promise<string[]> =>
  inRedis(redis, (client) => client.keys('bull:treadle:*'));

/** Task ids as they are delivered. */
function noting(): { readonly ran: number[]; readonly runTask: RunTask } {
  const ran: number[] = [];
  return { ran, runTask: async (taskId) => void ran.push(taskId) };
}

const until = (ran: readonly number[], count: number, withinMs?: number): Promise<number> =>
  eventually(
    async () => ran.length,
    (length) => length >= count,
    withinMs,
  );

/** Bounds on it are far above what is promised, and below what the libraries would do by themselves: machines are busy. */
const elapsed = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work.catch(() => {});
  return performance.now() - began;
};

test.each([
  ['redis+bullmq://h/0?queue=a:b', 'queue: expected a name without a colon'],
  ['redis+bullmq://u:secret@h/0?concurrency=0', 'concurrency: '],
  ['redis+bullmq://h/0?nam=x', 'Unrecognized key: "nam"; it knows queue, prefix, concurrency, tls_ca, '],
])('%s is refused in one line', (url, message) => {
  const refused = (): unknown => bullMqQueueOf(new URL(url), new LogBook());
  expect(refused).toThrow(expect.objectContaining({ code: 'invalid_config' }));
  expect(refused).toThrow(message);
  expect(refused).not.toThrow('secret');
});

test('a Redis that is not there is an error of install and enqueue within three seconds, and bad health', async () => {
  const { log } = new LogBook();
  const queue = new BullMqQueue({ url: `redis://127.0.0.1:${await choosePort('')}/0`, log });
  expect(await elapsed(queue.install())).toBeLessThan(8000);
  await expect(queue.install()).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(queue.enqueue([job(1)])).rejects.toMatchObject({ code: 'queue_unavailable' });
  expect(await queue.health()).toMatchObject({ ok: false, message: expect.stringContaining('ECONNREFUSED') });
});

describe.skipIf(noRedis)('on a redis-server', () => {
  test('jobs of one priority come in order, those of a higher one first', async () => {
    const [{ queue }, { ran, runTask }] = [await place({ concurrency: 1 }), noting()];
    await queue.enqueue([1, 2, 3].map((id) => job(id)));
    await queue.enqueue([job(4, { priority: -100 }), job(5, { priority: 100 }), job(6, { priority: 100 })]);
    await queue.start(runTask);
    await until(ran, 6);
    expect(ran).toEqual([5, 6, 1, 2, 3, 4]);
  });

  test('two engines share a queue, and no job comes twice', async () => {
    const [{ queue, redis, book }, { ran, runTask }] = [await place({ concurrency: 5 }), noting()];
    const other = new BullMqQueue({ url: redis.url, log: book.log, concurrency: 5 });
    onTestFinished(() => other.stop());
    const elsewhere: number[] = [];
    await Promise.all([
      queue.start(runTask),
      other.start(async (taskId) => {
        elsewhere.push(taskId);
        await runTask(taskId);
      }),
    ]);
    await queue.enqueue(Array.from({ length: 500 }, (_, id) => job(id + 1)));
    await until(ran, 500);
    expect([new Set(ran).size, ran.length]).toEqual([500, 500]);
    expect(elsewhere.length).toBeGreaterThan(0);
    expect(elsewhere.length).toBeLessThan(500);
  });

  test('of jobs of one key that come during its delivery the last comes after it, at its time', async () => {
    const [{ queue, redis }, release, times] = [await place(), new Signal(), [] as number[]];
    await queue.start(async () => {
      times.push(Date.now());
      await release.happened;
    });
    await queue.enqueue([job(1)]);
    await until(times, 1);
    await queue.enqueue([job(1, later(3_600_000))]);
    await queue.enqueue([job(1, later(300))]);
    release.happen();
    await until(times, 2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(280);
    const asBullMq = seen(redis);
    await eventually(() => asBullMq.count(), (left) => left === 0); // prettier-ignore
  });

  test('a task that cannot be started is tried again and again, with growing pauses', async () => {
    const [{ queue }, times] = [await place(), [] as number[]];
    await queue.start(async () => {
      times.push(Date.now());
      if (times.length < 4) throw new Error('not now: this is a test');
    });
    await queue.enqueue([job(1)]);
    await until(times, 4);
    const pauses = times.slice(1).map((at, n) => at - (times[n] ?? 0));
    for (const [n, least] of [190, 390, 790].entries()) expect(pauses[n]).toBeGreaterThanOrEqual(least);
  });

  test('jobs of a consumer that was killed come again soon, by themselves', async () => {
    const [{ queue, redis }, { ran, runTask }] = [await place(), noting()];
    const first = new Signal();
    const url = redis.url.replace('redis:', 'redis+bullmq:');
    const elsewhere = await consumeElsewhere({ queue: url, database: inject('postgres').url }, () => {
      first.happen();
      return new Promise(() => {});
    });
    await queue.enqueue([job(1)]);
    await first.happened;
    await elsewhere.kill();
    await queue.start(runTask);
    await until(ran, 1, 25_000); // BullMQ by itself: after 30 s at the earliest
  });

  test('nothing of a job is left in Redis when it was delivered', async () => {
    const [{ queue, redis }, { ran, runTask }] = [await place(), noting()];
    await queue.start(runTask);
    await queue.enqueue([job(1), job(2, { priority: 5 }), job(3, later(100))]);
    await until(ran, 3);
    const ofJobs = (keys: readonly string[]) => keys.filter((key) => /:(\d+|de:.*|dn:.*)$/.test(key));
    await eventually(() => keysIn(redis), (keys) => ofJobs(keys).length === 0); // prettier-ignore
  });

  test('a job that is not ours is put aside with one line in the log, and ours go on', async () => {
    const [{ queue, redis, book }, { ran, runTask }] = [await place(), noting()];
    await seen(redis).add('send_mail', { to: 'all' }, { attempts: 5 });
    await seen(redis).add('run_task', { task_id: 'seven' });
    await queue.start(runTask);
    await queue.enqueue([job(1)]);
    await until(ran, 1);
    await book.says(/put aside/, 2);
    expect(book.messages(/./).toSorted()).toEqual([
      'a job of the BullMQ queue treadle was put aside as failed: expected a job run_task with a task_id, came run_task {"task_id":"seven"}',
      'a job of the BullMQ queue treadle was put aside as failed: expected a job run_task with a task_id, came send_mail {"to":"all"}',
    ]);
    expect((await queue.health()).message).toMatch(
      /0 jobs waiting, 0 delayed, 0 being delivered, 2 put aside$/,
    );
  });

  test('a job whose data is no JSON holds nobody up', async () => {
    const [{ queue, redis, book }, { ran, runTask }] = [await place({ concurrency: 2 }), noting()];
    const broken = await seen(redis).add('run_task', {});
    await inRedis(redis, (client) => client.hset(`bull:treadle:${broken.id}`, { data: '{"task_id":' }));
    await queue.start(runTask);
    await queue.enqueue([1, 2, 3, 4, 5].map((id) => job(id)));
    await until(ran, 5);
    await book.says(/goes on after an error/);
    expect(book.messages(/./)).toHaveLength(1);
  });

  test('a Redis that restarts costs one line each way, and jobs go on', async () => {
    const [{ queue, redis, book }, { ran, runTask }] = [await place({ persistent: true }), noting()];
    await queue.start(runTask);
    await queue.enqueue([job(1), job(2, later(1000))]);
    await until(ran, 1);
    await redis.kill();
    await book.says(/is away/);
    await redis.restart();
    await book.says(/is back after/);
    await until(ran, 2);
    await eventually(() => queue.health(), ({ ok }) => ok); // prettier-ignore
    await queue.enqueue([job(3)]);
    await until(ran, 3);
    expect(book.messages(/./)).toEqual([
      expect.stringContaining('is away'),
      expect.stringContaining('is back after'),
    ]);
  });

  test('a Redis that was emptied forgets jobs and keys, and takes new ones', async () => {
    const [{ queue, redis }, { ran, runTask }] = [await place(), noting()];
    await queue.enqueue([job(1, later(3_600_000))]);
    await redis.restart();
    await queue.start(runTask);
    await eventually(() => queue.health(), ({ ok }) => ok); // prettier-ignore
    await queue.enqueue([job(1)]);
    await until(ran, 1);
    expect(ran).toEqual([1]);
  });

  test('a frozen Redis is an error within three seconds and bad health within about one', async () => {
    const { queue, redis } = await place();
    await queue.start(async () => {});
    await queue.enqueue([job(1)]);
    redis.freeze();
    onTestFinished(() => redis.thaw());
    expect(await elapsed(queue.health())).toBeLessThan(2400);
    expect((await queue.health()).ok).toBe(false);
    expect(await elapsed(queue.enqueue([job(2)]))).toBeLessThan(8000);
    await expect(queue.enqueue([job(3)])).rejects.toMatchObject({ code: 'queue_unavailable' });
  });

  test.each(['is away', 'answers'])('a stop does not wait for ever while Redis %s', async (how) => {
    const [{ queue, redis, book }, begun] = [await place(), new Signal()];
    await queue.start(() => {
      begun.happen();
      return new Promise(() => {});
    });
    await queue.enqueue([job(1)]);
    await begun.happened;
    if (how === 'is away') {
      await redis.kill();
      await book.says(/is away/);
    }
    expect(await elapsed(queue.stop())).toBeLessThan(how === 'is away' ? 3500 : 12_000);
  });

  test('a process that only enqueues ends by itself', async () => {
    const { url } = await startRedis();
    const script = `
      import { BullMqQueue } from './engine/queue/bullmq.ts';
      const log = { warn() {}, debug() {}, error() {} };
      await new BullMqQueue({ url: '${url}', log }).enqueue([${JSON.stringify(job(1))}]);
      console.log('enqueued');`;
    const program = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, program, { timeout: 50_000 });
    expect(stdout).toBe('enqueued\n');
  });
});
