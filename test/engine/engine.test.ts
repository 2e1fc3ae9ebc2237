// The engine as an embedding program holds it: starting, refusing, waiting, events, and being declared dead.
import { expect, onTestFinished, test } from 'vitest';
import { InMemoryQueue } from '../../engine/queue/in-memory.ts';
import { create, eventually, newEngine, runToEnd, Signal, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { createEmptyDatabase, testDatabase } from '../support/postgres.ts';
import { statesThrough, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();
const template = templateOf({ print: [] });
const works = { print: () => 'printed' };
const start = () => startEngine({ database: home.database, templates: [template], works });

test('a database that is not migrated is said to be so', async () => {
  const { database, drop } = await createEmptyDatabase();
  onTestFinished(drop);
  const engine = newEngine({ database, templates: [template], works, queue: new InMemoryQueue() });
  await expect(engine.start()).rejects.toMatchObject({ code: 'not_migrated' });
});

test('an engine starts once', async () => {
  const engine = await start();
  await expect(engine.start()).rejects.toMatchObject({ code: 'invalid_argument' });
  await engine.stop();
  await expect(engine.start()).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('an engine that stops leaves the list of workers', async () => {
  const engine = await start();
  await engine.stop();
  expect(await home.database.query('select from treadle.workers')).toEqual([]);
});

test('waiting for a task that does not exist is refused', async () => {
  const engine = await start();
  await expect(engine.waitForTask(123_456)).rejects.toMatchObject({ code: 'unknown_task' });
});

test('waiting ends when the signal aborts', async () => {
  const lonely = templateOf({ nobody: [] });
  const engine = await startEngine({ database: home.database, templates: [lonely], works: {} });
  const waiting = new AbortController();
  const waited = engine.waitForTask(await create(engine, lonely), { signal: waiting.signal });
  waiting.abort(new Error('enough'));
  await expect(waited).rejects.toThrow('enough');
});

test('each fact is published once, in the order in which it happened', async () => {
  const engine = await start();
  const events: string[] = [];
  for (const name of [
    'step.execution_requested',
    'step.handle',
    'step.completed',
    'task.completed',
  ] as const) {
    engine.on(name, () => void events.push(name));
  }
  const completed = new Signal();
  engine.on('step.completed', completed.happen);
  await runToEnd(engine, template);
  await completed.happened;
  expect(events.toSorted((a, b) => a.localeCompare(b))).toEqual([
    'step.completed',
    'step.execution_requested',
    'step.handle',
    'task.completed',
  ]);
});

test('a listener that throws harms nobody, and one that left hears nothing', async () => {
  const engine = await start();
  const heard: string[] = [];
  const leave = engine.on('task.completed', () => void heard.push('one that left'));
  engine.on('task.completed', () => {
    throw new Error('a bad listener');
  });
  engine.on('task.completed', () => void heard.push('one that stayed'));
  leave();
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
  expect(heard).toEqual(['one that stayed']);
});

test('no more steps run at once than the concurrency allows', async () => {
  const wide = templateOf(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`s${n}`, []])), {
    each: { handler_class: 'part' },
  });
  let [running, most] = [0, 0];
  const part = async () => {
    most = Math.max(most, (running += 1));
    await new Promise((done) => setTimeout(done, 10)); // work
    running -= 1;
  };
  const engine = await startEngine({
    database: home.database,
    templates: [wide],
    works: { part },
    concurrency: 3,
  });
  await runToEnd(engine, wide);
  expect(most).toBe(3);
});

test('an engine that is full goes on as soon as outcomes are on disk', async () => {
  const wide = templateOf(Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`s${n}`, []])), {
    each: { handler_class: 'part' },
  });
  const options = { database: home.database, templates: [wide], works: { part: () => 1 } };
  const never = 2 ** 31 - 1; // without notice it would wait until then
  const engine = await startEngine({ ...options, concurrency: 1, pollIntervalMs: never });
  expect(await runToEnd(engine, wide)).toMatchObject({ state: 'complete' });
});

test('steps of handlers that nobody serves wait for an engine that does', async () => {
  const shared = templateOf({ here: [], there: ['here'] });
  const one = await startEngine({ database: home.database, templates: [shared], works: { here: () => 1 } });
  const taskId = await create(one, shared);
  await startEngine({ database: home.database, templates: [shared], works: { there: () => 2 } });
  expect(await one.waitForTask(taskId)).toBe('complete');
});

test('an engine that was declared dead registers again; its late answer is refused', async () => {
  const slow = templateOf({ slow: [] }, { each: { backoff: { base_seconds: 0 } } });
  const [running, release] = [new Signal(), new Signal()];
  const work = async ({ step }: { step: { attempt: number } }) => {
    running.happen();
    if (step.attempt === 1) await release.happened;
    return { attempt: step.attempt };
  };
  const engine = await startEngine({
    database: home.database,
    templates: [slow],
    works: { slow: work },
    leaseSeconds: 0.6,
  });
  const taskId = await create(engine, slow);
  await running.happened;
  await home.database.query('delete from treadle.workers');
  expect(await engine.waitForTask(taskId)).toBe('complete');
  release.happen();
  await engine.stop();
  const step = (await stepIdsOf(home.database, taskId))['slow'] ?? 0;
  expect(await stepColumns(home.database, step)).toMatchObject({ attempts: 2, results: { attempt: 2 } });
  expect((await trailOf(home.database, 'workflow_step', step))[1]?.metadata).toMatchObject({
    code: 'worker_lost',
  });
});

test('an engine whose listening connection breaks listens again', async () => {
  const engine = await start();
  const listeners = () =>
    home.database.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'treadle listener' and datname = current_database()`,
    );
  const [before] = await listeners();
  await home.database.query('select pg_terminate_backend($1)', [before?.pid]);
  const [after] = await eventually(listeners, (rows) => rows.length === 1 && rows[0]?.pid !== before?.pid);
  expect(after?.pid).not.toBe(before?.pid);
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
});

test('a job that the queue lost is handed over again', async () => {
  const engine = newEngine({ database: home.database, templates: [template], works });
  await engine.registerTemplates([template]);
  const running = await start();
  const taskId = await create(engine, template, { run_at: new Date(Date.now() + 60_000) });
  await home.database.query('delete from graphile_worker._private_jobs');
  await home.database.query(
    `update treadle.wakeups set run_at = now() - interval '1 hour', handed_at = now() - interval '1 hour'
     where task_id = $1`,
    [taskId],
  );
  await home.database.query('select treadle.return_lost_wakeups($1)', ['30 seconds']);
  await home.database.query(`select pg_notify('treadle', 'wakeups')`);
  expect(await running.waitForTask(taskId)).toBe('complete');
  expect(await statesThrough(home.database, 'task', taskId)).toEqual(['in_progress', 'complete']);
});
