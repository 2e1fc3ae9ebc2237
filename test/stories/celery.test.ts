// A team's own Celery brings tasks back to the engine: real workers, a real Redis and a real RabbitMQ, a real engine behind
// gRPC. Workers and brokers die in the middle, and no task is lost.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { RetryableError } from '../../core/errors.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import { celeryQueueOf } from '../../engine/queue/celery/celery.ts';
import {
  newestCelery,
  noCelery,
  startCelery,
  superviseCelery,
  type CeleryOptions,
} from '../support/celery.ts';
import { create, eventually, type Works } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { fileEnd } from '../support/file-end.ts';
import { serve } from '../support/grpc-servers.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { noRabbitMq, startRabbitMq, type TestRabbitMq } from '../support/rabbitmq.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { serveRunTask } from '../support/run-task-server.ts';
import { stateOfTask, statesThrough } from '../support/trail.ts';

const START_MS = 120_000;
const home = testDatabase();
const pair = () => templateOf({ pack: [], ship: ['pack'] });
const quick: Works = { pack: () => 'packed', ship: () => 'shipped' };
const atEnd = fileEnd();
let redis: TestRedis;
let rabbitMq: TestRabbitMq;
beforeAll(async () => {
  if (noRedis === undefined) redis = await startRedis({ persistent: true, atEnd });
  if (noRabbitMq === undefined) rabbitMq = await startRabbitMq(atEnd);
}, START_MS);

const BROKERS = [
  { name: 'Redis', missing: noRedis, broker: () => redis },
  { name: 'RabbitMQ', missing: noRabbitMq, broker: () => rabbitMq },
];

/** An engine whose queue is this broker's, with the address for its RunTask. New tasks are started by nothing else. */
async function world(brokerUrl: string, template: TaskTemplate, works: Works) {
  const name = `treadle-${randomBytes(6).toString('hex')}`;
  const log = pino({ level: 'silent' });
  const queue = await celeryQueueOf(new URL(`celery+${brokerUrl}?queue=${name}`), { log });
  const engine = { queue, sweepSeconds: 3600 };
  const served = await serve({ database: home.database, templates: [template], works, engine });
  const given = { brokerUrl, queue: name, target: served.address, version: newestCelery };
  const startWorker = async (options: Partial<CeleryOptions> = {}) => {
    const worker = await startCelery({ ...given, ...options });
    onTestFinished(() => worker.kill());
    return worker;
  };
  const superviseWorker = async () => {
    const worker = await superviseCelery(given);
    onTestFinished(() => worker.kill());
  };
  return { ...served, queue, startWorker, superviseWorker };
}

/** Makes everything that the queue was given a minute older. */
async function aMinuteLater(): Promise<void> {
  await home.database.query(
    `update treadle.wakeups set run_at = run_at - interval '1 minute', handed_at = handed_at - interval '1 minute'`,
  );
}

describe.each(BROKERS)('Celery over $name', ({ missing, broker }) => {
  test.skipIf(missing ?? noCelery)(
    'starts the tasks, again when a retry is due',
    { timeout: START_MS },
    async () => {
      const template = pair();
      const pack = ({ step }: { step: { attempt: number } }) => {
        if (step.attempt === 1) throw new RetryableError('the packer is asleep', { retryAfter: 1 });
        return 'packed';
      };
      const { engine, startWorker } = await world(broker().url, template, { ...quick, pack });
      const taskIds = await Promise.all(Array.from({ length: 20 }, () => create(engine, template)));
      await startWorker();
      const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
      expect(new Set(states)).toEqual(new Set(['complete']));
      const through = ['in_progress', 'pending', 'in_progress', 'complete'];
      expect(await statesThrough(home.database, 'task', taskIds[0] ?? 0)).toEqual(through);
      expect(await violations(home.database)).toEqual([]);
    },
  );

  test.skipIf(missing ?? noCelery)(
    'loses no task when a worker is killed with jobs in its hands',
    { timeout: START_MS },
    async () => {
      const template = pair();
      const { engine, startWorker } = await world(broker().url, template, quick);
      const asked = new Set<number>();
      const deaf = await serveRunTask((taskId) => new Promise(() => asked.add(taskId)));
      onTestFinished(() => deaf.close());
      const first = await startWorker({ target: deaf.target });
      const taskIds = await Promise.all(Array.from({ length: 10 }, () => create(engine, template)));
      await eventually(
        async () => asked.size,
        (jobs) => jobs >= 4, // as many as the worker runs at once; it holds more
      );
      await first.kill();
      expect(await stateOfTask(home.database, taskIds[0] ?? 0)).toBe('pending');
      await startWorker();
      await aMinuteLater();
      const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
      expect(states).toEqual(taskIds.map(() => 'complete'));
      expect(await violations(home.database)).toEqual([]);
    },
  );

  test.skipIf(missing ?? noCelery)(
    'gets the tasks that were created while its broker was away',
    { timeout: START_MS },
    async () => {
      const template = pair();
      const { engine, superviseWorker } = await world(broker().url, template, quick);
      await superviseWorker(); // Celery may end when its broker goes
      const before = await Promise.all(Array.from({ length: 5 }, () => create(engine, template)));
      await broker().kill();
      const meanwhile = await Promise.all(Array.from({ length: 5 }, () => create(engine, template)));
      await broker().restart();
      await aMinuteLater();
      const states = await Promise.all([...before, ...meanwhile].map((taskId) => engine.waitForTask(taskId)));
      expect(new Set(states)).toEqual(new Set(['complete']));
    },
  );

  test.skipIf(missing ?? noCelery)(
    'keeps a retry of tomorrow in Postgres, out of its workers',
    { timeout: START_MS },
    async () => {
      const template = pair();
      const pack = () => {
        throw new RetryableError('tomorrow', { retryAfter: 86_400 });
      };
      const { engine, queue, startWorker } = await world(broker().url, template, { ...quick, pack });
      const worker = await startWorker();
      const taskId = await create(engine, template);
      await eventually(
        () => statesThrough(home.database, 'task', taskId),
        (states) => states.join() === 'in_progress,pending',
      );
      await worker.stop();
      expect((await queue.health()).message).toContain(' 0 jobs waiting');
      const kept = 'select handed_at is null as kept from treadle.wakeups where task_id = $1';
      expect(await home.database.query(kept, [taskId])).toEqual([{ kept: true }]);
    },
  );
});
