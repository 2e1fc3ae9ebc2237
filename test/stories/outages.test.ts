// Postgres goes away and comes back, in every way it can: the engine says so once, waits, and goes on; no step is lost and no
// attempt runs twice.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { TaskTemplate } from '../../core/template/template.ts';
import type { Engine } from '../../engine/engine.ts';
import { Database } from '../../sql/database.ts';
import { migrate } from '../../sql/migrate.ts';
import { killPostmaster, newProject, query, startIn } from '../support/clusters.ts';
import { runToEnd, startEngine, type Work } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const shape = { top: [], left: ['top'], right: ['top'], bottom: ['left', 'right'] };
const [AWAY, BACK] = [/Postgres is away/, /Postgres is back/];

/** An engine that counts what it runs, with a log to read, and its template. */
async function countingEngine(database: Database, leaseSeconds = 3600) {
  const template = templateOf(shape, { each: { handler_class: 'brief' } });
  const [runs, book] = [[] as string[], new LogBook()];
  const brief: Work = async ({ step }) => {
    runs.push(`${step.workflow_step_id}/${step.attempt}`);
    await pause(5);
  };
  const options = { database, templates: [template], works: { brief }, concurrency: 20, leaseSeconds };
  return { engine: await startEngine({ ...options, log: book.log }), template, runs, book };
}

/** Many tasks; `middle` resolves when some of them are done, `ended` with the distinct states of all. */
async function load(engine: Engine, { namespace_name, name }: TaskTemplate, count = 80) {
  const middle = new Promise<void>((resolve) => {
    let done = 0;
    engine.on('step.completed', () => (done += 1) > count && resolve());
  });
  const requests = Array.from({ length: count }, (_, n) => ({ namespace_name, name, context: { n } }));
  const tasks = await engine.createTasks(requests);
  return { middle, taskIds: tasks.map(({ task_id }) => task_id) };
}

/** A task that is waited for while Postgres is away is asked for again. */
async function statesOf(database: Database, taskIds: readonly number[], engine: Engine): Promise<string[]> {
  const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
  expect(await violations(database)).toEqual([]);
  return [...new Set(states)];
}

test('a server that is killed in the middle and started again: all ends, nothing twice, said once', async () => {
  const project = newProject();
  const first = await startIn(project);
  const database = new Database({ url: first.url });
  onTestFinished(() => database.close());
  await migrate(database);
  const { engine, template, runs, book } = await countingEngine(database);
  const { middle, taskIds } = await load(engine, template);
  await middle;
  await killPostmaster(first.home);
  await book.says(AWAY);
  const second = await startIn(project);
  expect(second.url).toBe(first.url);
  await book.says(BACK);
  expect(await statesOf(database, taskIds, engine)).toEqual(['complete']);
  expect([runs.length, new Set(runs).size]).toEqual([320, 320]);
  expect([book.messages(AWAY).length, book.messages(BACK).length]).toEqual([1, 1]);
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
});

test('an outage that outlasts the lease makes nobody dead: who comes back first waits for the others', async () => {
  const project = newProject();
  const first = await startIn(project);
  const database = new Database({ url: first.url });
  onTestFinished(() => database.close());
  await migrate(database);
  const leaseSeconds = 1;
  const one = await countingEngine(database, leaseSeconds);
  const two = await countingEngine(database, leaseSeconds);
  const tasks = [await load(one.engine, one.template), await load(two.engine, two.template)];
  await Promise.all(tasks.map(({ middle }) => middle));
  await killPostmaster(first.home);
  await pause(1000 * leaseSeconds + 200); // the leases end
  await startIn(project);
  const taskIds = tasks.flatMap((created) => created.taskIds);
  expect(await statesOf(database, taskIds, one.engine)).toEqual(['complete']);
  expect([one.engine.stats().epoch, two.engine.stats().epoch]).toEqual([1, 1]);
  expect(new Set([...one.runs, ...two.runs]).size).toBe(640);
});

test('a server that takes no writes for a while, as before a failover, is waited for', async () => {
  const { url } = await startIn(newProject());
  const database = new Database({ url });
  onTestFinished(() => database.close());
  await migrate(database);
  const { engine, template, runs, book } = await countingEngine(database);
  const { middle, taskIds } = await load(engine, template);
  await middle;
  await query(url, 'alter system set default_transaction_read_only = on');
  await query(url, 'select pg_reload_conf()');
  await book.says(AWAY);
  await query(url, 'alter system reset default_transaction_read_only');
  await query(url, 'select pg_reload_conf()');
  expect(await statesOf(database, taskIds, engine)).toEqual(['complete']);
  expect([runs.length, new Set(runs).size]).toEqual([320, 320]);
  expect([book.messages(AWAY).length, book.messages(BACK).length]).toEqual([1, 1]);
});

test('all connections are cut, again and again: all ends and nothing runs twice', async () => {
  const { engine, template, runs, book } = await countingEngine(home.database);
  const { middle, taskIds } = await load(engine, template);
  await middle;
  for (let cut = 0; cut < 5; cut += 1) {
    await query(
      home.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid()`,
    );
  }
  expect(await statesOf(home.database, taskIds, engine)).toEqual(['complete']);
  expect([runs.length, new Set(runs).size]).toEqual([320, 320]);
  expect(book.messages(AWAY).length).toBe(book.messages(BACK).length);
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
});
