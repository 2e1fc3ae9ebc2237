// Retention: what ended long ago goes with all that hangs on it, everything else stays.
import { expect, test } from 'vitest';
import type { State } from '../../core/vocabulary.ts';
import type { Executor } from '../../sql/database.ts';
import { countPrunable, pruneTasks, type PrunedBatch, type RetentionRule } from '../../sql/retention.ts';
import {
  carryOut,
  claim,
  createdWorld,
  failed,
  idOf,
  moveClock,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();
const alone = (work: (tx: Executor) => Promise<void>) => () => inRolledBackTransaction(home.database, work);
const HOUR = { olderThanSeconds: 3600 };

async function prune(db: Executor, rule: RetentionRule, batchSize = 100): Promise<PrunedBatch[]> {
  const batches: PrunedBatch[] = [];
  for await (const batch of pruneTasks(db, rule, batchSize)) batches.push(batch);
  return batches;
}

/** Ids of the tasks that are left. */
async function tasksOf(db: Executor): Promise<number[]> {
  const rows = await db.query<{ task_id: number }>('select task_id from tasker_tasks order by task_id');
  return rows.map((row) => row.task_id);
}

async function complete(db: Executor): Promise<World> {
  const world = await startedWorld(db, { a: [], b: ['a'] });
  await carryOut(world, 'a');
  await carryOut(world, 'b');
  return world;
}

async function broken(db: Executor): Promise<World> {
  const world = await startedWorld(db, { a: [], b: ['a'] });
  await claim(world);
  await record(world, failed(world, 'a', null));
  return world;
}

/** A task that another hand brought to this end. */
async function endedAs(db: Executor, state: State): Promise<World> {
  const world = await createdWorld(db, { a: [] });
  await writeAsRails(db, 'task', world.taskId, state);
  return world;
}

/** Rows by table, of all tables that hold something of single tasks. */
async function rowsIn(db: Executor): Promise<Record<string, number>> {
  const tables = await db.query<{ name: string }>(
    `select distinct table_schema || '.' || table_name as name
     from information_schema.columns
     where table_schema in ('public', 'treadle')
       and column_name in ('task_id', 'workflow_step_id', 'from_step_id', 'subject')
       and table_name not like '%view%'`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await db.query<{ count: number }>(`select count(*) from ${name}`);
    counts[name] = row?.count ?? 0;
  }
  return counts;
}

/** A row in every table that a finished task may have one in. */
async function decorate({ db, taskId }: World): Promise<void> {
  await db.query(
    `with type as (
       insert into tasker_annotation_types (name, created_at, updated_at) values ('note', now(), now())
       returning annotation_type_id
     )
     insert into tasker_task_annotations (task_id, annotation_type_id, created_at, updated_at)
     select $1, annotation_type_id, now(), now() from type`,
    [taskId],
  );
  await db.query('insert into treadle.open_tasks values ($1)', [taskId]);
  await db.query('insert into treadle.deadlines values ($1, now())', [taskId]);
  await db.query(`insert into treadle.wakeups values ($1, now(), 'created')`, [taskId]);
  await db.query(`insert into treadle.pauses values ('task', $1::bigint::text, 'somebody', null, now())`, [
    taskId,
  ]);
}

test(
  'a task goes with all rows that hang on it, in every table',
  alone(async (tx) => {
    await startedWorld(tx, { a: [], b: ['a'] });
    const before = await rowsIn(tx);
    const world = await complete(tx);
    await decorate(world);
    await moveClock(tx, 3601);
    const rows = { task: 1, steps: 2, edges: 1, step_transitions: 4, task_transitions: 2, annotations: 1 };
    const row_count = Object.values(rows).reduce((sum, count) => sum + count);
    expect(await prune(tx, HOUR)).toEqual([
      expect.objectContaining({ tasks: 1, steps: 2, row_count, kept: [] }),
    ]);
    expect(await rowsIn(tx)).toEqual(before);
  }),
);

test(
  'what ended too short a while ago stays',
  alone(async (tx) => {
    const old = await complete(tx);
    await moveClock(tx, 3601);
    const young = await complete(tx);
    await prune(tx, HOUR);
    expect(await tasksOf(tx)).toEqual([young.taskId]);
    expect(old.taskId).toBeLessThan(young.taskId);
  }),
);

test(
  'a task that was created long ago and ended just now stays',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    await moveClock(tx, 7200);
    await carryOut(world, 'a');
    expect(await prune(tx, HOUR)).toEqual([]);
  }),
);

test(
  'tasks that have not ended and those in error stay',
  alone(async (tx) => {
    const worlds = [await createdWorld(tx, { a: [] }), await startedWorld(tx, { a: [] }), await broken(tx)];
    await endedAs(tx, 'cancelled');
    await endedAs(tx, 'resolved_manually');
    await moveClock(tx, 3601);
    await prune(tx, HOUR);
    expect(await tasksOf(tx)).toEqual(worlds.map(({ taskId }) => taskId));
  }),
);

test(
  'those in error go when they are asked for',
  alone(async (tx) => {
    await broken(tx);
    const finished = await complete(tx);
    await moveClock(tx, 3601);
    await prune(tx, { ...HOUR, states: ['error'] });
    expect(await tasksOf(tx)).toEqual([finished.taskId]);
  }),
);

test(
  'unfinished tasks never go, whatever is asked',
  alone(async (tx) => {
    const worlds = [await createdWorld(tx, { a: [] }), await startedWorld(tx, { a: [] })];
    await moveClock(tx, 3601);
    await prune(tx, { ...HOUR, states: ['pending', 'in_progress', 'complete'] });
    expect(await tasksOf(tx)).toEqual(worlds.map(({ taskId }) => taskId));
  }),
);

test(
  'tasks of other namespaces stay',
  alone(async (tx) => {
    const world = await complete(tx);
    await moveClock(tx, 3601);
    await prune(tx, { ...HOUR, namespace: 'elsewhere' });
    expect(await tasksOf(tx)).toEqual([world.taskId]);
    await prune(tx, { ...HOUR, namespace: 'test' });
    expect(await tasksOf(tx)).toEqual([]);
  }),
);

test.each([
  ['create table orders (task_id bigint constraint orders_task references tasker_tasks)', 'taskId'],
  ['create table orders (step_id bigint constraint orders_task references tasker_workflow_steps)', 'step'],
] as const)('a task that rows of an app refer to is kept, and the others go: %s', (table, target) =>
  alone(async (tx) => {
    const [world] = [await complete(tx), await complete(tx)];
    await tx.query(table);
    await tx.query('insert into orders values ($1)', [target === 'step' ? idOf(world, 'b') : world.taskId]);
    await moveClock(tx, 3601);
    expect(await prune(tx, HOUR)).toMatchObject([
      { tasks: 1, kept: [{ constraint: 'orders_task', table: 'orders', tasks: 1 }] },
    ]);
    expect(await tasksOf(tx)).toEqual([world.taskId]);
  })(),
);

test(
  'a foreign key of an app that cascades takes its rows along',
  alone(async (tx) => {
    const world = await complete(tx);
    await tx.query('create table orders (task_id bigint references tasker_tasks on delete cascade)');
    await tx.query('insert into orders values ($1)', [world.taskId]);
    await moveClock(tx, 3601);
    await prune(tx, HOUR);
    expect([await tasksOf(tx), await tx.query('select from orders')]).toEqual([[], []]);
  }),
);

test(
  'the count says by template what would go',
  alone(async (tx) => {
    await complete(tx);
    await broken(tx);
    await moveClock(tx, 3601);
    const [row, ...others] = await countPrunable(tx, HOUR);
    expect(others).toEqual([]);
    expect(row).toEqual({
      template: expect.stringMatching(/^test\/task_.+@0\.1\.0$/),
      tasks: 1,
      steps: 2,
      row_count: 1 + 2 + 1 + 4 + 2,
    });
  }),
);

test('a batch is a transaction: what is done is done, the next run goes on with the rest', async () => {
  for (let made = 0; made < 5; made += 1) await complete(home.database);
  await moveClock(home.database, 3601);
  for await (const batch of pruneTasks(home.database, HOUR, 2)) {
    expect(batch.tasks).toBe(2);
    break;
  }
  expect(await tasksOf(home.database)).toHaveLength(3);
  expect((await prune(home.database, HOUR, 2)).map(({ tasks }) => tasks)).toEqual([2, 1]);
  expect(await violations(home.database)).toEqual([]);
});

test('a task that somebody holds locked is left for another time', async () => {
  const world = await complete(home.database);
  await moveClock(home.database, 3601);
  await home.database.transaction(async (tx) => {
    await tx.query('select from tasker_tasks where task_id = $1 for update', [world.taskId]);
    expect(await prune(home.database, HOUR)).toMatchObject([{ tasks: 0 }]);
  });
  expect(await prune(home.database, HOUR)).toMatchObject([{ tasks: 1 }]);
});
