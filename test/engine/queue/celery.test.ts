// The Celery adapter against real brokers and real workers: what odd jobs do to a worker, what a message that we would never
// send does to it, and what is said when a broker is away or a queue is gone.
import { randomBytes } from 'node:crypto';
import { connect } from 'amqplib';
import { pino } from 'pino';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { celeryQueueOf, type CeleryQueue } from '../../../engine/queue/celery/celery.ts';
import { jobFor } from '../../../engine/queue/trial.ts';
import { noCelery, oldestCelery, startCelery, type CeleryWorker } from '../../support/celery.ts';
import { pushWithoutExchange } from '../../support/celery-messages.ts';
import { eventually } from '../../support/engines.ts';
import { fileEnd } from '../../support/file-end.ts';
import { ODD_JOBS } from '../../support/odd-jobs.ts';
import { noRabbitMq, startRabbitMq, type TestRabbitMq } from '../../support/rabbitmq.ts';
import { noRedis, startRedis, type TestRedis } from '../../support/redis.ts';
import { serveRunTask } from '../../support/run-task-server.ts';

const START_MS = 120_000;
const log = pino({ level: 'silent' });
const atEnd = fileEnd();
let redis: TestRedis;
let rabbitMq: TestRabbitMq;
beforeAll(async () => {
  if (noRedis === undefined) redis = await startRedis({ atEnd });
  if (noRabbitMq === undefined) rabbitMq = await startRabbitMq(atEnd);
}, START_MS);

const newName = () => `treadle-${randomBytes(6).toString('hex')}`;

async function queueAt(brokerUrl: string, options = `queue=${newName()}`): Promise<CeleryQueue> {
  const queue = await celeryQueueOf(new URL(`celery+${brokerUrl}?${options}`), { log });
  onTestFinished(() => queue.stop());
  return queue;
}

/** A worker of this queue, and the tasks that it has asked for. */
async function consume(
  brokerUrl: string,
  queue: string,
  version?: string,
): Promise<{ worker: CeleryWorker; ran: number[] }> {
  const ran: number[] = [];
  const server = await serveRunTask(async (taskId) => void ran.push(taskId));
  const worker = await startCelery({ brokerUrl, queue, target: server.target, version });
  onTestFinished(async () => {
    await worker.kill();
    server.close();
  });
  return { worker, ran };
}

const BROKERS = [
  { name: 'Redis', missing: noRedis, urlOf: () => redis.url },
  { name: 'RabbitMQ', missing: noRabbitMq, urlOf: () => rabbitMq.url },
];

describe.each(BROKERS)('a worker over $name', ({ missing, urlOf }) => {
  test.skipIf(missing ?? noCelery)('survives every odd job of ours, and runs it', async () => {
    const name = newName();
    const { worker, ran } = await consume(urlOf(), name);
    await (await queueAt(urlOf(), `queue=${name}`)).enqueue(ODD_JOBS.map(({ job }) => job));
    const expected = ODD_JOBS.map(({ job }) => job.task_id);
    await eventually(
      async () => ran.length,
      (jobs) => jobs === expected.length,
    );
    expect(ran.toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
    expect(worker.lines.filter((line) => /ERROR|CRITICAL|Traceback/.test(line))).toEqual([]);
  });

  test.skipIf(missing)('health says how much waits, in one line without a password', async () => {
    const queue = await queueAt(urlOf());
    await queue.install();
    await queue.enqueue([jobFor(1), jobFor(2, { priority: -100 }), jobFor(3, { inMs: 60_000 })]);
    const { ok, message } = await queue.health();
    expect(ok).toBe(true);
    expect(message).toMatch(
      /^celery, queue treadle-\w+ in \w+ at \w+:\/\/127\.0\.0\.1:\d+\S*, 3 jobs waiting/,
    );
  });
});

test.skipIf(noRedis ?? noCelery)(
  'a message without an exchange ends the worker, which is why ours are validated',
  { timeout: START_MS },
  async () => {
    const name = newName();
    const { worker } = await consume(redis.url, name, await oldestCelery());
    await pushWithoutExchange(redis.url, name);
    expect(await worker.exited).not.toBeNull();
    expect(worker.lines.some((line) => line.includes("KeyError('exchange')"))).toBe(true);
  },
);

test.skipIf(noRabbitMq)(
  'a queue that was deleted is an error, and is there again the next time',
  async () => {
    const name = newName();
    const queue = await queueAt(rabbitMq.url, `queue=${name}`);
    await queue.install();
    const connection = await connect(rabbitMq.url);
    await (await connection.createChannel()).deleteQueue(name);
    await connection.close();
    const deleted = {
      code: 'queue_unavailable',
      message: expect.stringContaining(`queue ${name} was deleted`),
    };
    await expect(queue.enqueue([jobFor(1)])).rejects.toMatchObject(deleted);
    await queue.enqueue([jobFor(1)]);
    expect((await queue.health()).message).toContain('1 jobs waiting, and no worker');
  },
);

test.skipIf(noRabbitMq)('a queue that workers have declared in their way is taken as it is', async () => {
  const name = newName();
  const connection = await connect(rabbitMq.url);
  await (await connection.createChannel()).assertQueue(name, { durable: true, maxPriority: 5 });
  await connection.close();
  const queue = await queueAt(rabbitMq.url, `queue=${name}&max_priority=10`);
  await queue.install();
  await expect(queue.enqueue([jobFor(1)])).resolves.toBeUndefined();
});

test.skipIf(noRabbitMq)(
  'a RabbitMQ that freezes is unavailable within three seconds, and then as before',
  async () => {
    const queue = await queueAt(rabbitMq.url);
    await queue.install();
    rabbitMq.freeze();
    onTestFinished(() => rabbitMq.thaw());
    const began = performance.now();
    await expect(queue.enqueue([jobFor(1)])).rejects.toMatchObject({ code: 'queue_unavailable' });
    expect((await queue.health()).ok).toBe(false);
    expect(performance.now() - began).toBeLessThan(9000);
    rabbitMq.thaw();
    await queue.enqueue([jobFor(2)]);
    expect((await queue.health()).ok).toBe(true);
  },
);

test.skipIf(noRabbitMq)('a wrong password is said without it', async () => {
  const queue = await queueAt(rabbitMq.url.replace('guest:guest', 'guest:s3cret'));
  const error: unknown = await queue.install().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'queue_unavailable',
    message: expect.stringContaining('ACCESS-REFUSED'),
  });
  expect(String(error)).not.toContain('s3cret');
});

test.each(['redis://127.0.0.1:1/0', 'amqp://guest:guest@127.0.0.1:1'])(
  'a broker that is not there is said at once (%s)',
  async (url) => {
    const queue = await queueAt(url);
    const refused = {
      code: 'queue_unavailable',
      message: expect.stringContaining('ECONNREFUSED 127.0.0.1:1'),
    };
    await expect(queue.install()).rejects.toMatchObject(refused);
    await expect(queue.enqueue([jobFor(1)])).rejects.toMatchObject(refused);
    expect(await queue.health()).toMatchObject({ ok: false, message: refused.message });
  },
);

test.each([
  [
    'redis://h:1/0',
    'longest_delay=0',
    'longest_delay to be a whole number from 1 to 86400, came longest_delay=0',
  ],
  ['redis://h:1/0', 'priority_steps=9,3', 'priority_steps to be ascending numbers from 0 to 9'],
  ['redis://h:1/0', 'max_priority=5', 'one of the options queue, longest_delay, priority_steps, key_prefix'],
  ['amqp://u:p@h:1', 'max_priority=300', 'max_priority to be a whole number from 1 to 255'],
  ['amqp://u:p@h:1', 'queue=', 'queue to be a name, came queue='],
])('a wrong option is one line (%s?%s)', async (url, option, message) => {
  const expected = { code: 'invalid_config', message: expect.stringContaining(message) };
  await expect(queueAt(url, option)).rejects.toMatchObject(expected);
});

test('what is due beyond the longest delay is left to Postgres', async () => {
  expect((await queueAt('redis://h:1/0')).longestDelayMs).toBe(300_000);
  expect((await queueAt('amqp://h:1', 'longest_delay=60')).longestDelayMs).toBe(60_000);
});
