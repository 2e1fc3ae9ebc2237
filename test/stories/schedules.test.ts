// Schedules with real engines: every tick becomes one task and that task runs, with three processes and with one, also when
// they are killed in between; templates bring their schedules along and take them away.
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { countStatements } from '../../bench/statements.ts';
import { parseTemplate, type TaskTemplate } from '../../core/template/template.ts';
import { GraphileWorkerQueue } from '../../engine/queue/graphile-worker.ts';
import { InMemoryQueue } from '../../engine/queue/in-memory.ts';
import type { Database } from '../../sql/database.ts';
import { dueSchedules } from '../../sql/schedules.ts';
import { eventually, newEngine, startEngine } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startWorker } from '../support/workers.ts';

const silent = pino({ level: 'silent' });
const everySecond = { cron: '* * * * * *', context: { shop: 1 } };

function scheduled(schedule: TaskTemplate['schedule'] | object, version = '1.0.0'): TaskTemplate {
  return parseTemplate({ ...templateOf({ brief: [] }, { name: 'report', version }), schedule });
}

async function fresh(): Promise<TestDatabase> {
  const made = await createTestDatabase();
  onTestFinished(made.drop);
  return made;
}

interface ScheduledTask {
  readonly tick: number;
  readonly complete: boolean | null;
}

/** The ticks that have become tasks, in seconds, in order. */
function tasksOf(db: Database): Promise<ScheduledTask[]> {
  return db.query<ScheduledTask>(
    `select extract(epoch from requested_at)::integer as tick, complete
     from public.tasker_tasks
     where identity_hash like 'schedule:%'
     order by 1`,
  );
}

async function ticksBeyond(db: Database, count: number): Promise<ScheduledTask[]> {
  return eventually(
    () => tasksOf(db),
    (tasks) => tasks.length > count,
  );
}

/** One task for each second from the first to the last. */
function expectEverySecondOnce(tasks: readonly ScheduledTask[]): void {
  const first = tasks[0]?.tick ?? 0;
  expect(tasks.map(({ tick }) => tick - first)).toEqual(tasks.map((_, index) => index));
}

test('three processes make one task of each tick, and go on as one after two were killed', async () => {
  const { database, url } = await fresh();
  const orders = { url, templates: [scheduled(everySecond)] };
  const workers = await Promise.all([startWorker(orders), startWorker(orders), startWorker(orders)]);
  let seen = (await ticksBeyond(database, 3)).length;
  for (const worker of workers.slice(1)) {
    worker.kill('SIGKILL');
    await worker.exited;
    seen = (await ticksBeyond(database, seen + 2)).length;
  }
  await database.query('select treadle.pause_schedule($1, $2)', ['test/report', 'test']);
  // a job that a killed process had taken is handed to the queue again after half a minute
  const done = async () => (await tasksOf(database)).every(({ complete }) => complete === true);
  await vi.waitUntil(done, { timeout: 60_000 });
  const tasks = await tasksOf(database);
  expect(tasks.length).toBeGreaterThanOrEqual(seen);
  expectEverySecondOnce(tasks);
}, 120_000);

test('a process that is killed at any moment of a tick leaves it to the next, once', async () => {
  const { database, url } = await fresh();
  const orders = { url, templates: [scheduled(everySecond)] };
  for (const ms of [1, 6]) {
    const worker = await startWorker(orders);
    const before = (await tasksOf(database)).length;
    await ticksBeyond(database, before);
    await database.query(
      'select pg_sleep((ceil(e) - e) + $1::float / 1000) from extract(epoch from clock_timestamp()) e',
      [ms],
    ); // into the next tick
    worker.kill('SIGKILL');
    await worker.exited;
  }
  await startWorker(orders);
  const killed = (await tasksOf(database)).length;
  expectEverySecondOnce(await ticksBeyond(database, killed + 2));
}, 120_000);

test('a tick whose taker dies with it in its hands is taken by another', async () => {
  const { database, url } = await fresh();
  const engine = newEngine({ database: url, templates: [scheduled(everySecond)], works: { brief: () => 1 } });
  await engine.registerTemplates([scheduled(everySecond)]);
  await eventually(
    () => database.query<{ due: boolean }>('select treadle.next_schedule_in_ms() <= 0 as due'),
    ([row]) => row?.due === true,
  );
  const counter = countStatements('treadle test');
  onTestFinished(counter.stop);
  const looked = () => (counter.counts['treadle.due_schedules'] ?? 0) > 0;
  const died = database.transaction(async (tx) => {
    expect(await dueSchedules(tx, 1)).toHaveLength(1);
    await engine.start();
    await vi.waitUntil(looked, { timeout: 15_000 }); // and finds the tick locked
    expect(await tasksOf(database)).toEqual([]);
    await tx.query('select pg_terminate_backend(pg_backend_pid())');
  });
  await expect(died).rejects.toThrow(/terminat/);
  expectEverySecondOnce(await ticksBeyond(database, 2));
});

test.each([
  ['graphile-worker', (database: Database) => new GraphileWorkerQueue({ database, log: silent })],
  ['in-memory', () => new InMemoryQueue()],
])('with %s as its queue a scheduled task runs', async (_name, queueOf) => {
  const { database, url } = await fresh();
  const works = { brief: () => 1 };
  await startEngine({ database: url, queue: queueOf(database), templates: [scheduled(everySecond)], works });
  await eventually(
    () => tasksOf(database),
    (tasks) => tasks.some(({ complete }) => complete === true),
  );
});

test('a schedule that is added while engines run is heard of by all of them at once', async () => {
  const { database, url } = await fresh();
  await startEngine({ database: url, templates: [scheduled(undefined)], works: { brief: () => 1 } });
  const other = newEngine({ database: url, works: {} });
  const request = { namespace_name: 'test', task_name: 'report', ...everySecond };
  const { next_at } = await other.schedules.add(request);
  const [first] = await ticksBeyond(database, 0);
  expect(first?.tick).toBe((next_at?.getTime() ?? 0) / 1000);
});

test('templates bring their schedules, change them and take them away; those of hands stay', async () => {
  const { url } = await fresh();
  const engine = newEngine({ database: url, works: { brief: () => 1 } });
  await engine.registerTemplates([scheduled([{ cron: '@daily', context: { shop: 1 } }])]);
  const byHand = { namespace_name: 'test', task_name: 'report', cron: '@yearly', context: { shop: 2 } };
  await engine.schedules.add(byHand);
  const shown = async () => (await engine.schedules.list()).map(({ name, cron }) => `${name} ${cron}`);
  expect(await shown()).toEqual(['report @yearly', 'test/report @daily']);
  const noon = { name: 'noon', cron: '0 12 * * *', context: { shop: 1 } };
  await engine.registerTemplates([
    scheduled([{ ...noon, name: 'midnight', cron: '@weekly' }, noon], '1.1.0'),
  ]);
  expect(await shown()).toEqual([
    'report @yearly',
    'test/report/midnight @weekly',
    'test/report/noon 0 12 * * *',
  ]);
  await engine.registerTemplates([scheduled(undefined, '1.1.0')]);
  expect(await shown()).toEqual(['report @yearly']);
});

test('the schedule of another environment does not count', async () => {
  const { url } = await fresh();
  const environments = { production: { schedule: everySecond } };
  const template = parseTemplate({ ...templateOf({ brief: [] }, { name: 'report' }), environments });
  const lists: number[] = [];
  for (const environment of ['development', 'production']) {
    const engine = newEngine({ database: url, works: { brief: () => 1 }, environment });
    await engine.registerTemplates([template]);
    lists.push((await engine.schedules.list()).length);
  }
  expect(lists).toEqual([0, 1]);
});
