// What the engine hands to a queue, when, and what becomes of it while the queue takes nothing.
import { expect, test } from 'vitest';
import { pino } from 'pino';
import { correlationId } from '../../../core/correlation.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { QueueAdapter, TaskJob } from '../../../engine/queue/adapter.ts';
import { GraphileWorkerQueue } from '../../../engine/queue/graphile-worker.ts';
import type { Executor } from '../../../sql/database.ts';
import { takeWakeups, waitingWakeups } from '../../../sql/tasks.ts';
import { createdWorld } from '../../support/factories.ts';
import { create, eventually, newEngine, runToEnd, startEngine } from '../../support/engines.ts';
import { templateOf } from '../../support/factories.ts';
import { LogBook } from '../../support/logs.ts';
import { testDatabase } from '../../support/postgres.ts';
import { away, BreakableQueue } from '../../support/queues.ts';

const home = testDatabase();
const [AWAY, BACK] = [/the queue is away/, /the queue is back/];

class NotingGraphileWorker extends GraphileWorkerQueue {
  readonly handed: TaskJob[] = [];

  override async enqueueInTransaction(tx: Executor, jobs: readonly TaskJob[]): Promise<void> {
    this.handed.push(...jobs);
    await super.enqueueInTransaction(tx, jobs);
  }
}

async function engineWith(queue: QueueAdapter) {
  const template = templateOf(
    { first: [], second: ['first'] },
    { each: { handler_class: 'brief' }, steps: { second: { priority: 40 }, first: { priority: -3 } } },
  );
  const book = new LogBook();
  const works = { brief: () => 'done' };
  const options = { database: home.database, templates: [template], works, queue, log: book.log };
  return { engine: await startEngine(options), template, book };
}

async function statesOf(engine: Engine, taskIds: readonly number[]): Promise<Set<string>> {
  return new Set(await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId))));
}

test.each([
  ['from the outbox', () => new BreakableQueue()],
  [
    'in the transaction of its task',
    () => new NotingGraphileWorker({ database: home.database, log: pino({ level: 'silent' }) }),
  ],
])(
  'a job %s carries the highest priority of its steps and the correlation id of its tag',
  async (_, make) => {
    const queue = make();
    const { engine, template } = await engineWith(queue);
    const { taskId } = await runToEnd(engine, template, { tags: ['vip', 'correlation_id:req-7'] });
    const { taskId: plain } = await runToEnd(engine, template);
    expect(queue.handed).toMatchObject([
      { task_id: taskId, reason: 'created', priority: 40, correlation_id: 'req-7' },
      { task_id: plain, reason: 'created', priority: 40, correlation_id: `treadle-${plain}` },
    ]);
  },
);

test('the database and the engine agree on correlation ids', async () => {
  const long = 'x'.repeat(129);
  const lists = [
    [],
    ['a', 'b'],
    ['correlation_id:'],
    ['correlation_id:a b', 'correlation_id:fit'],
    [`correlation_id:${long}`],
    [`correlation_id:${long.slice(1)}`],
    ['correlation_id:äö', 'x-correlation_id:no', 'correlation_id:one', 'correlation_id:two'],
    ['correlation_id:line\nbreak'],
  ];
  for (const tags of lists) {
    const [row] = await home.database.query<{ said: string }>(
      'select treadle.correlation_id(7, $1) as said',
      [JSON.stringify(tags)],
    );
    expect([tags, row?.said]).toEqual([tags, correlationId(7, tags)]);
  }
});

test.each(['null', '{"correlation_id:x": 1}', '"correlation_id:x"', '[7, null, ["correlation_id:x"]]'])(
  'tags that another hand wrote as %s name no correlation id',
  async (tags) => {
    const [row] = await home.database.query<{ said: string }>(
      'select treadle.correlation_id(7, $1) as said',
      [tags],
    );
    expect(row?.said).toBe('treadle-7');
  },
);

test('wake-ups are taken in the order of their instants, those alone that are near', async () => {
  await home.database.query('delete from treadle.wakeups');
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const instants = [50, -5, 3600, 10];
  for (const seconds of instants)
    await createdWorld(home.database, { a: [] }, { request: { run_at: at(seconds) } });
  await home.database.query('update treadle.wakeups set handed_at = null');
  const near = await takeWakeups(home.database, 10, 60_000);
  expect(near.map(({ delay_ms }) => Math.ceil(delay_ms / 10_000))).toEqual([0, 1, 5]);
  const { waiting, next_in_ms } = await waitingWakeups(home.database, 60_000);
  expect([waiting, Math.round((next_in_ms ?? 0) / 60_000)]).toEqual([0, 60]);
  expect(await takeWakeups(home.database, 10)).toHaveLength(1);
});

test('what the queue cannot hold for so long stays in Postgres until it is near', async () => {
  const queue = new BreakableQueue({ longestDelayMs: 1500 });
  const { engine, template } = await engineWith(queue);
  const run_at = new Date(Date.now() + 3000);
  const taskId = await create(engine, template, { run_at });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  const job = queue.handed.find(({ task_id }) => task_id === taskId);
  const aheadMs = run_at.getTime() - (job?.at ?? 0);
  expect(aheadMs).toBeGreaterThan(0); // not by a round, which could be late
  expect(aheadMs).toBeLessThanOrEqual(1510);
});

/** An engine whose queue went away before so many tasks were created. */
async function outage(count: number) {
  const queue = new BreakableQueue();
  const made = await engineWith(queue);
  queue.broken = away();
  const { namespace_name, name } = made.template;
  const taskIds: number[] = [];
  for (let n = 0; n < count; n += 1) {
    taskIds.push((await made.engine.createTask({ namespace_name, name, context: { n } })).task_id);
  }
  await made.book.says(AWAY);
  return { ...made, queue, taskIds };
}

test('while the queue is away tasks wait, it is tried seldom, and said once; then all run in their order', async () => {
  const { engine, queue, book, taskIds } = await outage(100);
  const { attempts } = queue;
  expect(attempts).toBeLessThan(20); // not one for each of the 100
  queue.broken = undefined;
  await book.says(BACK);
  expect(await statesOf(engine, taskIds)).toEqual(new Set(['complete']));
  expect(queue.handed.map(({ task_id }) => task_id)).toEqual(taskIds);
  expect(book.messages(AWAY)).toHaveLength(1);
  expect(book.messages(BACK)).toEqual([expect.stringContaining('100 wake-ups')]);
});

test('the health of an engine whose queue is away is degraded, with how many tasks wait', async () => {
  const { engine, queue, book } = await outage(3);
  const message = 'breakable: nobody listens at nowhere:1';
  const database = { ok: true, message: 'Postgres answers' };
  const degraded = { ok: false, status: 'degraded', running: true, database };
  expect(await engine.health()).toEqual({ ...degraded, queue: { ok: false, message, waiting: 3 } });
  queue.broken = undefined;
  await book.says(BACK);
  expect(await engine.health()).toMatchObject({ ok: true, status: 'ok', queue: { ok: true, waiting: 0 } });
  await engine.stop();
  expect(await engine.health()).toMatchObject({ ok: false, status: 'down', running: false });
});

test('two engines that lose their queue say it once each, and nothing waits for ever', async () => {
  const one = await outage(10);
  const two = await engineWith(one.queue);
  await two.book.says(AWAY);
  const more = await create(two.engine, two.template);
  one.queue.broken = undefined;
  expect(await statesOf(one.engine, one.taskIds)).toEqual(new Set(['complete']));
  expect(await two.engine.waitForTask(more)).toBe('complete');
  await eventually(
    async () => [one.book.messages(BACK).length, two.book.messages(BACK).length],
    (said) => said.join() === '1,1',
  );
  expect([one.book.messages(AWAY).length, two.book.messages(AWAY).length]).toEqual([1, 1]);
});

test('the event says of each task that the queue did not take it', async () => {
  const queue = new BreakableQueue();
  const { engine, template, book } = await engineWith(queue);
  const failed: unknown[] = [];
  engine.on('workflow.task_reenqueue_failed', (event) => failed.push(event));
  queue.broken = away();
  const task_id = await create(engine, template);
  await book.says(AWAY);
  expect(failed).toEqual([{ task_id, reason: 'created', error: queue.broken.message }]);
});

test('an engine that was not started leaves its tasks to those that run', async () => {
  const queue = new BreakableQueue();
  const { engine, template } = await engineWith(queue);
  const other = new BreakableQueue();
  const client = newEngine({ database: home.database, works: {}, queue: other });
  const taskId = await create(client, template);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  const jobs = queue.handed.filter(({ task_id }) => task_id === taskId);
  expect([other.attempts, jobs.length]).toEqual([0, 1]);
});

test('an engine that stops while its queue is away ends, and the next one hands over what it left', async () => {
  const { engine, template, taskIds } = await outage(3);
  expect(await engine.stop()).toMatchObject({ unrecorded: 0 });
  const queue = new BreakableQueue();
  const works = { brief: () => 'done' };
  const next = await startEngine({ database: home.database, templates: [template], works, queue });
  expect(await statesOf(next, taskIds)).toEqual(new Set(['complete']));
  expect(queue.handed.map(({ task_id }) => task_id)).toEqual(expect.arrayContaining(taskIds));
});

test.each([
  [0, 29, false],
  [0, 31, true],
  [31, 60, false],
  [31, 63, true],
  [7200, 7200 + 599, false],
  [7200, 7200 + 601, true],
  [-3600, 29, false],
  [-3600, 31, true],
])(
  'a job given to the queue %i s after its time and not delivered %i s after it is lost: %s',
  async (given, seconds, lost) => {
    const [row] = await home.database.query<{ lost: boolean }>(
      `select treadle.is_lost(t, t + make_interval(secs => $1), t + make_interval(secs => $2), '30 seconds')
       and t + make_interval(secs => $2) > t + interval '30 seconds' as lost
     from (values (timestamptz '2030-01-01')) as due (t)`,
      [given, seconds],
    );
    expect(row?.lost).toBe(lost);
  },
);
