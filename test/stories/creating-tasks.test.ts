// Bringing tasks in: identities and duplicates, steps that a task does without, later starts, and creation inside the
// application's own transaction, where the task commits or vanishes with the application's rows, job included.
import { drizzle } from 'drizzle-orm/node-postgres';
import { Kysely, PostgresDialect } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../engine/engine.ts';
import { runToEnd, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { applicationPool, testDatabase } from '../support/postgres.ts';
import { statesOfSteps, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();
const template = templateOf({ print: [] }, { name: 'label' });
const works = { print: () => 'printed' };
const request = { namespace_name: 'test', name: 'label', context: { order_id: 1 } };

const start = () => startEngine({ database: home.database, templates: [template], works });

beforeAll(async () => {
  await home.database.query('create table app_orders (order_id integer)');
});

class ChangedMind extends Error {}

/** Runs `work` in a transaction of the application that ends in an error. */
async function changingMind(run: () => Promise<unknown>): Promise<void> {
  await expect(run()).rejects.toThrow(ChangedMind);
}

async function countOf(taskId: number): Promise<{ tasks: number; jobs: number }> {
  const [row] = await home.database.query<{ tasks: number; jobs: number }>(
    `select (select count(*) from tasker_tasks where task_id = $1) as tasks,
       (select count(*) from graphile_worker._private_jobs where (payload ->> 'task_id')::bigint = $1)
         + (select count(*) from treadle.wakeups where task_id = $1) as jobs`,
    [taskId],
  );
  return row ?? { tasks: 0, jobs: 0 };
}

type InTransaction = (engine: Engine, end: (taskId: number) => void) => Promise<unknown>;

const WAYS: Record<string, InTransaction> = {
  'a node-postgres client': async (engine, end) => {
    const client = await applicationPool(home.url).connect();
    try {
      await client.query('begin');
      const { task_id } = await engine.createTask(request, { client });
      await client.query('insert into app_orders values (1)');
      end(task_id);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  },
  'a Drizzle transaction': (engine, end) =>
    drizzle(applicationPool(home.url)).transaction(async (tx) => {
      end((await engine.createTask(request, { client: tx })).task_id);
    }),
  'a Kysely transaction': (engine, end) =>
    new Kysely<object>({ dialect: new PostgresDialect({ pool: applicationPool(home.url) }) })
      .transaction()
      .execute(async (trx) => {
        end((await engine.createTask(request, { client: trx })).task_id);
      }),
  'plain SQL': async (_engine, end) =>
    home.database.transaction(async (tx) => {
      const [row] = await tx.query<{ id: number }>(
        `select treadle.create_task('test', 'label', '{"order_id": 1}') as id`,
      );
      end(row?.id ?? 0);
    }),
};

test.each(Object.keys(WAYS))('a task created in %s runs when that commits', async (way) => {
  const engine = await start();
  let taskId: unknown;
  await WAYS[way]?.(engine, (id) => {
    taskId = id;
  });
  expect(taskId).toBeTypeOf('number');
  expect(await engine.waitForTask(Number(taskId))).toBe('complete');
});

test.each(Object.keys(WAYS))('a task created in %s vanishes with it, its job included', async (way) => {
  const engine = await start();
  let taskId = 0;
  await changingMind(async () =>
    WAYS[way]?.(engine, (id) => {
      taskId = id;
      throw new ChangedMind();
    }),
  );
  expect(taskId).toBeGreaterThan(0);
  expect(await countOf(taskId)).toEqual({ tasks: 0, jobs: 0 });
});

test('nobody sees a task before the transaction that creates it commits', async () => {
  const engine = await start();
  await home.database.transaction(async (tx) => {
    const { task_id } = await engine.createTask(request, { client: tx });
    expect(await countOf(task_id)).toEqual({ tasks: 0, jobs: 0 });
  });
});

test('without an identity every task is a new one', async () => {
  const engine = await start();
  const created = await engine.createTasks([request, request]);
  expect(created.map((task) => task.created)).toEqual([true, true]);
  expect(created[0]?.task_id).not.toBe(created[1]?.task_id);
});

test('a second task with the same key is the first one, and that is said', async () => {
  const engine = await start();
  const first = await engine.createTask({ ...request, identity_key: 'order-9' });
  const second = await engine.createTask({ ...request, identity_key: 'order-9', context: { order_id: 2 } });
  expect([first.created, second]).toEqual([true, { task_id: first.task_id, created: false }]);
});

test('a duplicate inside one call is found too', async () => {
  const engine = await start();
  const twice = { ...request, identity_key: 'order-10' };
  const created = await engine.createTasks([twice, twice]);
  expect(created.map((task) => task.created)).toEqual([true, false]);
});

test('the hash of two equal requests is the same, that of another context is not', async () => {
  const engine = await start();
  const hashed = {
    ...request,
    identity_strategy: 'hash',
    requested_at: new Date('2026-01-02T03:04:05Z'),
  } as const;
  const created = await engine.createTasks([hashed, hashed, { ...hashed, context: { order_id: 2 } }]);
  expect(created.map((task) => task.created)).toEqual([true, false, true]);
});

test('a bypassed step is resolved from the start and its children run without its results', async () => {
  const shape = { check: [], ship: ['check'] };
  const skipping = templateOf(shape, { steps: { check: { skippable: true } } });
  const ship = ({ sequence }: { sequence: { result: (name: string) => unknown } }) => ({
    got: sequence.result('check'),
  });
  const check = () => {
    throw new Error('a bypassed step must not run');
  };
  const engine = await startEngine({
    database: home.database,
    templates: [skipping],
    works: { check, ship },
  });
  const { taskId, state } = await runToEnd(engine, skipping, { bypass_steps: ['check'] });
  expect(state).toBe('complete');
  expect(await statesOfSteps(home.database, taskId)).toEqual({
    check: 'resolved_manually',
    ship: 'complete',
  });
  const ids = await stepIdsOf(home.database, taskId);
  const [row] = await trailOf(home.database, 'workflow_step', ids['check'] ?? 0);
  expect(row?.metadata).toMatchObject({ event: 'resolve', resolved_by: 'bypass' });
  expect(await stepColumns(home.database, ids['ship'] ?? 0)).toMatchObject({ results: { got: {} } });
});

test('a step that is not skippable cannot be bypassed, and nothing is written', async () => {
  const engine = await start();
  const bad = engine.createTask({ ...request, identity_key: 'order-11', bypass_steps: ['print'] });
  await expect(bad).rejects.toMatchObject({ code: 'invalid_argument' });
  const [found] = await home.database.query(
    `select count(*) from tasker_tasks where identity_hash = 'order-11'`,
  );
  expect(found).toEqual({ count: 0 });
});

test.each([
  [{ name: 'no_such_task' }, 'unknown_template'],
  [{ context: {} }, 'invalid_context'],
  [{ reason: 'x'.repeat(129) }, 'invalid_argument'],
  [{ bypass_steps: ['no_such_step'] }, 'unknown_step'],
])('a request with %j is refused as %s', async (bad, code) => {
  const engine = await start();
  await expect(engine.createTask({ ...request, ...bad })).rejects.toMatchObject({ code });
});

test('a task does not start before its run_at', async () => {
  const engine = await start();
  const run_at = new Date(Date.now() + 500);
  const { task_id } = await engine.createTask({ ...request, run_at });
  expect(await engine.waitForTask(task_id)).toBe('complete');
  const [started] = await home.database.query<{ created_at: Date }>(
    'select created_at from tasker_task_transitions where task_id = $1 and sort_key = 10',
    [task_id],
  );
  expect(started?.created_at.getTime()).toBeGreaterThanOrEqual(run_at.getTime());
});
