// Whole tasks whose way back is BullMQ on a real Redis: from creation to complete, with retries, over two engines, and with
// the Redis killed in the middle.
import { pino, type Logger } from 'pino';
import { describe, expect, test } from 'vitest';
import type { RunTask } from '../../engine/queue/adapter.ts';
import { BullMqQueue } from '../../engine/queue/bullmq.ts';
import { create, eventually, runToEnd, startEngine, type Work } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';
import { stateOfTask } from '../support/trail.ts';

const home = testDatabase();
const silent = pino({ level: 'silent' });
const each = { backoff: { base_seconds: 0.05, factor: 1, max_seconds: 1, jitter: 0 } };

/** BullMQ, which also notes what it delivered. */
class NotingQueue extends BullMqQueue {
  readonly delivered: number[] = [];

  override async start(runTask: RunTask): Promise<void> {
    await super.start(async (taskId) => {
      this.delivered.push(taskId);
      await runTask(taskId);
    });
  }
}

const queueOn = ({ url }: TestRedis, log: Logger = silent): NotingQueue => new NotingQueue({ url, log });

/** Fails the first `failures` attempts of each step. */
const flaky =
  (failures: number): Work =>
  ({ step }) => {
    if (step.attempt <= failures) throw new Error('not yet');
    return { attempt: step.attempt };
  };

const states = (taskIds: readonly number[]): Promise<string[]> =>
  Promise.all(taskIds.map((id) => stateOfTask(home.database, id)));

const allComplete = (found: readonly string[]): boolean => found.every((state) => state === 'complete');

describe.skipIf(noRedis)('with BullMQ', () => {
  test('a task comes to its engine through the queue, and a diamond of steps completes', async () => {
    const [queue, template] = [
      queueOn(await startRedis()),
      templateOf({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] }),
    ];
    const step = flaky(0);
    const works = { a: step, b: step, c: step, d: step };
    const engine = await startEngine({ database: home.database, templates: [template], works, queue });
    const { taskId, state } = await runToEnd(engine, template);
    expect(state).toBe('complete');
    expect(queue.delivered).toEqual([taskId]);
  });

  test('a step that fails comes back through the queue, when its time has come', async () => {
    const template = templateOf({ step: [] }, { each });
    const queue = queueOn(await startRedis());
    const works = { step: flaky(2) };
    const engine = await startEngine({ database: home.database, templates: [template], works, queue });
    const { taskId, state } = await runToEnd(engine, template);
    expect(state).toBe('complete');
    await eventually(async () => queue.delivered, (ids) => ids.length >= 2); // prettier-ignore
    expect(new Set(queue.delivered)).toEqual(new Set([taskId]));
  });

  test('two engines share the tasks of one queue, and each is run once', async () => {
    const [redis, template] = [await startRedis(), templateOf({ step: [] })];
    const ran: number[] = [];
    const works = { step: ({ task }: Parameters<Work>[0]) => void ran.push(task.task_id) };
    const [one, other] = [queueOn(redis), queueOn(redis)];
    const engine = await startEngine({ database: home.database, templates: [template], works, queue: one });
    await startEngine({ database: home.database, templates: [template], works, queue: other });
    const made = await Promise.all(
      Array.from({ length: 200 }, (_, n) => create(engine, template, { context: { order_id: n } })),
    );
    await eventually(() => states(made), allComplete);
    expect(ran.toSorted((a, b) => a - b)).toEqual(made.toSorted((a, b) => a - b));
  });

  test('a Redis that is killed in the middle and comes back empty loses no task', async () => {
    const [redis, book, template] = [await startRedis(), new LogBook(), templateOf({ step: [] }, { each })];
    const queue = queueOn(redis, book.log);
    const works = { step: flaky(1) };
    const engine = await startEngine({
      database: home.database,
      templates: [template],
      works,
      queue,
      log: book.log,
    });
    const before = await runToEnd(engine, template);
    await redis.kill();
    await book.says(/is away/);
    const during = await Promise.all(
      [1, 2, 3].map((n) => create(engine, template, { context: { order_id: n } })),
    );
    await redis.restart();
    await book.says(/is back after/);
    await eventually(() => states(during), allComplete);
    expect(before.state).toBe('complete');
    expect(book.messages(/is away|is back/)).toEqual([
      expect.stringMatching(/^Redis at .* is away/),
      expect.stringMatching(/^Redis at .* is back after/),
    ]);
  });
});
