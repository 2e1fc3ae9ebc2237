// What is kept of how many tasks and steps are in each state is what is there: after anything that anybody did, in every snapshot,
// whatever is folded or counted anew meanwhile.
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { checkInvariants } from '../../sql/invariants.ts';
import { migrate } from '../../sql/migrate.ts';
import { pruneTasks } from '../../sql/retention.ts';
import { recountStates } from '../../sql/sweep.ts';
import { eventually, startEngine } from '../support/engines.ts';
import { carryOut, createdWorld, idOf, moveClock, startedWorld, writeAsRails } from '../support/factories.ts';
import { anyHistory, anyShape, happen } from '../support/histories.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { loadTask, reached } from '../support/rails-database.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { sweep } from '../support/sweeping.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';

const SHAPE = { a: [], b: ['a'] };

/** A database of its own in which the states are counted. */
async function countedDatabase() {
  const home = await createTestDatabase();
  onTestFinished(() => home.drop());
  await recountStates(home.database, 0);
  return home;
}

const KEPT = 'select * from treadle.kept_state_counts() where amount <> 0 order by kind, state';
const COUNTED = 'select * from treadle.count_states() where amount <> 0 order by kind, state';
const fold = (db: Executor) => db.query('select treadle.fold_state_counts()');

/** Both as they are in one snapshot when `db` is a transaction that has one. */
async function bothOf(db: Executor): Promise<{ kept: object[]; counted: object[] }> {
  return { kept: await db.query(KEPT), counted: await db.query(COUNTED) };
}

async function expectExact(db: Executor): Promise<void> {
  const { kept, counted } = await bothOf(db);
  expect(kept).toEqual(counted);
}

test('after any history by both hands, folded at any time, what is kept is what is there', async () => {
  const home = await countedDatabase();
  const law = fc.asyncProperty(anyShape, anyHistory, fc.nat({ max: 25 }), (shape, history, folded) =>
    inRolledBackTransaction(home.database, async (tx) => {
      let world = await createdWorld(tx, shape, {
        each: { default_retry_limit: 2 },
        leaseSeconds: 1_000_000,
      });
      for (const [place, event] of history.entries()) {
        world = await happen(world, event);
        if (place === folded) await fold(tx);
      }
      await expectExact(tx);
    }),
  );
  await fc.assert(law, { numRuns: 60 });
});

test('while writers, folds and new counts cross each other, every snapshot is exact', async () => {
  const { database } = await countedDatabase();
  const deeds = [
    async () => carryOut(await startedWorld(database, SHAPE), 'a'),
    async () => writeAsRails(database, 'task', (await createdWorld(database, SHAPE)).taskId, 'cancelled'),
    async () => loadTask(database, 'error', reached('complete'), reached('error')),
    async () => fold(database),
    async () => recountStates(database, 0),
    async () => database.transaction(async (tx) => {
        await tx.query('set transaction isolation level repeatable read');
        await expectExact(tx);
      }), // prettier-ignore
  ];
  await Promise.all(
    deeds.map(async (deed) => {
      for (let times = 0; times < 12; times += 1) await deed();
    }),
  );
  await expectExact(database);
});

test('a fold takes nothing from a count that is under way, and does not wait for it', async () => {
  const { database } = await countedDatabase();
  await startedWorld(database, SHAPE);
  const [holder, counter] = [await openTransaction(database), await openTransaction(database)];
  await holder.query('select from treadle.state_count_changes for update'); // the count stops at these, its snapshot taken
  const counted = recountStates(counter, 0);
  await untilBlocked(database, counter.pid);
  await startedWorld(database, SHAPE);
  await fold(database);
  await holder.commit();
  expect(await counted).toBe(true);
  await counter.commit();
  await expectExact(database);
});

test('rows that another hand makes, changes and deletes are counted', async () => {
  const { database } = await countedDatabase();
  const { stepIds } = await loadTask(database, 'complete', reached('complete'), reached('complete'));
  await expectExact(database);
  await database.query(`update tasker_task_transitions set to_state = 'error' where most_recent`);
  await database.query('delete from tasker_workflow_step_edges');
  await database.query('delete from tasker_workflow_step_transitions where workflow_step_id = $1', [
    stepIds.get('s0'),
  ]);
  await expectExact(database);
  for (const table of ['workflow_step_transitions', 'workflow_steps', 'task_transitions', 'tasks'])
    await database.query(`delete from tasker_${table}`);
  expect(await bothOf(database)).toEqual({ kept: [], counted: [] });
});

test('a sweep adds up what has changed', async () => {
  const { database } = await countedDatabase();
  await carryOut(await startedWorld(database, SHAPE), 'a');
  await sweep(database);
  expect(await database.query('select * from treadle.state_count_changes')).toEqual([]);
  await expectExact(database);
});

test('an engine counts by itself what was never counted', async () => {
  const home = await createTestDatabase();
  onTestFinished(() => home.drop());
  await startedWorld(home.database, SHAPE);
  await startEngine({ database: home.database, works: {}, sweepSeconds: 1 });
  const kept = await eventually(
    () => home.database.query(KEPT),
    (rows) => rows.length > 0,
  );
  expect(kept).toEqual(await home.database.query(COUNTED));
});

test('what retention removes is counted', async () => {
  const { database } = await countedDatabase();
  const world = await startedWorld(database, SHAPE);
  for (const step of ['a', 'b']) await carryOut(world, step);
  await startedWorld(database, SHAPE);
  await moveClock(database, 10);
  for await (const { tasks } of pruneTasks(database, { olderThanSeconds: 5 }, 10)) expect(tasks).toBe(1);
  await expectExact(database);
});

test('after a truncate nothing is kept until it is counted again', async () => {
  const { database } = await countedDatabase();
  await startedWorld(database, SHAPE);
  await database.query('truncate tasker_workflow_step_transitions, tasker_workflow_steps cascade');
  expect(await database.query(KEPT)).toEqual([]);
  expect(await healthOf(database)).toMatchObject({ total_tasks: 1, in_progress_tasks: 1, total_steps: 0 });
  expect(await recountStates(database, 86_400)).toBe(true);
  await expectExact(database);
  expect(await recountStates(database, 86_400)).toBe(false);
});

async function healthOf(db: Executor): Promise<object | undefined> {
  const [row] = await db.query(
    `select to_jsonb(h) - 'active_connections' as health from get_system_health_counts_v01() h`,
  );
  return (row as { health: object } | undefined)?.health;
}

test('the health counts are the same from what is kept and from all rows', async () => {
  const { database } = await countedDatabase();
  const world = await startedWorld(database, SHAPE);
  await carryOut(world, 'a');
  await writeAsRails(database, 'workflow_step', idOf(world, 'b'), 'error');
  await loadTask(database, undefined, {});
  const kept = await healthOf(database);
  await database.query('update treadle.state_counts set counted_at = null');
  expect(kept).toEqual(await healthOf(database));
  expect(kept).toMatchObject({ total_tasks: 2, pending_tasks: 1, complete_steps: 1, error_steps: 1 });
});

test('the health counts need neither the schema treadle nor a right to it', async () => {
  const { database } = await countedDatabase();
  await startedWorld(database, SHAPE);
  const health = await healthOf(database);
  const asReader = await inRolledBackTransaction(database, async (tx) => {
    await tx.query('create role counts_reader');
    await tx.query('grant select on all tables in schema public to counts_reader');
    await tx.query('set local role counts_reader');
    return healthOf(tx);
  });
  expect(asReader).toEqual(health);
  await database.query('drop schema treadle cascade');
  expect(await healthOf(database)).toEqual(health);
});

test('a number that is wrong is a broken invariant, and right again after a new count', async () => {
  const { database } = await countedDatabase();
  await startedWorld(database, SHAPE);
  await database.query(`update treadle.state_counts set amount = amount + 5 where kind = 'step'`);
  const broken = await checkInvariants(database);
  expect(broken.map(({ invariant, violation }) => `${invariant}: ${violation}`)).toEqual([
    'state_counts: kept as 7 in total, and there are 2',
  ]);
  await recountStates(database, 0);
  expect(await checkInvariants(database)).toEqual([]);
});

test('an adopted database is spared the triggers, and nothing is counted', async () => {
  const home = await createTestDatabase();
  onTestFinished(() => home.drop());
  await home.database.query('drop schema treadle cascade');
  await migrate(home.database);
  const triggers = await home.database.query(
    `select tgname from pg_trigger where tgname like 'treadle_counts%'`,
  );
  expect(triggers).toEqual([]);
  expect(await recountStates(home.database, 0)).toBe(false);
});
