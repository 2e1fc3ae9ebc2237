// refresh_tasks rebuilds ready_steps and gates from the Rails tables. The law: after any history, by any hand, what the
// engine keeps incrementally is what a rebuild would make, the Rails rules hold, and no task is left without a way on.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { settleChangedTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  createdWorld,
  idOf,
  startedWorld,
  withOtherWorker,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import {
  anyHistory,
  anyShape,
  deliverWakeups,
  happen,
  letItEnd,
  type Happening,
} from '../support/histories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { claimsOf, derivedRows, readySteps } from '../support/trail.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();

const refresh = ({ db, taskId }: World) =>
  db.query('select treadle.refresh_tasks(array[$1::bigint])', [taskId]);

/** What a rebuild would make of a task, without keeping it. */
async function rebuilt(tx: Executor, world: World) {
  await tx.query('savepoint before');
  await refresh(world);
  const derived = await derivedRows(tx, world.taskId);
  await tx.query('rollback to savepoint before');
  return derived;
}

test('a running task offers its first steps and has a gate where two parents meet', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'], d: ['c'] });
  const { handler, taskId: task_id } = world;
  const [a, b, c] = ['a', 'b', 'c'].map((step) => idOf(world, step));
  expect(await derivedRows(home.database, task_id)).toEqual({
    ready: [a, b].map((workflow_step_id) => ({
      workflow_step_id,
      task_id,
      handler,
      priority: 0,
      held: false,
    })),
    gates: [{ workflow_step_id: c, task_id, open_parents: 2 }],
  });
});

test('a task that nobody has started offers nothing', async () => {
  const world = await createdWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  await refresh(world);
  expect(await derivedRows(home.database, world.taskId)).toEqual({ ready: [], gates: [] });
});

test('a rebuild finds again what was lost', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  await claim(world, 1);
  const before = await derivedRows(home.database, world.taskId);
  await home.database.query('delete from treadle.ready_steps where task_id = $1', [world.taskId]);
  await home.database.query('update treadle.gates set open_parents = 9 where task_id = $1', [world.taskId]);
  await refresh(world);
  expect(await derivedRows(home.database, world.taskId)).toEqual(before);
});

test('a claim whose step is still in progress survives', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await refresh(world);
  expect([await claimsOf(world), await readySteps(world)]).toEqual([1, []]);
});

test('a doubled edge counts as one parent', async () => {
  const world = await createdWorld(home.database, { a: [], b: ['a'] });
  await home.database.query(
    `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
     values ($1, $2, 'provides', now(), now())`,
    [idOf(world, 'a'), idOf(world, 'b')],
  );
  await home.database.query('select treadle.start_tasks(array[$1::bigint])', [world.taskId]);
  await carryOut(world, 'a');
  expect(await claim(await withOtherWorker(world))).toEqual(['b']);
});

/** Two steps may be bypassed from the start. */
async function arrange(
  tx: Executor,
  shape: Readonly<Record<string, readonly string[]>>,
  bypass: readonly string[],
) {
  const bypass_steps = bypass.filter((step) => step in shape);
  const each = { skippable: true, default_retry_limit: 2 };
  return createdWorld(tx, shape, { each, request: { bypass_steps }, leaseSeconds: 1_000_000 });
}

const anyBypass = fc.subarray(['s0', 's2']);

async function after(tx: Executor, shape: object, bypass: readonly string[], history: readonly Happening[]) {
  let world = await happen(await arrange(tx, shape as Record<string, string[]>, bypass), { kind: 'start' });
  for (const event of history) world = await happen(world, event);
  return world;
}

test('after any history the derived rows equal a rebuild', async () => {
  const law = fc.asyncProperty(anyShape, anyBypass, anyHistory, (shape, bypass, history) =>
    inRolledBackTransaction(home.database, async (tx) => {
      const world = await after(tx, shape, bypass, history);
      await settleChangedTasks(tx, 100);
      await deliverWakeups(world);
      expect(await derivedRows(tx, world.taskId)).toEqual(await rebuilt(tx, world));
    }),
  );
  await fc.assert(law, { numRuns: 150 });
});

test('after any history every row keeps the rules of the Rails engine', async () => {
  const law = fc.asyncProperty(anyShape, anyBypass, anyHistory, (shape, bypass, history) =>
    inRolledBackTransaction(home.database, async (tx) => {
      const { taskId } = await after(tx, shape, bypass, history);
      expect(await violations(tx, [taskId])).toEqual([]);
    }),
  );
  await fc.assert(law, { numRuns: 100 });
});

test('after any history a task still comes to an end', async () => {
  const law = fc.asyncProperty(anyShape, anyBypass, anyHistory, (shape, bypass, history) =>
    inRolledBackTransaction(home.database, async (tx) => {
      const world = await after(tx, shape, bypass, history);
      expect(['complete', 'error', 'cancelled', 'resolved_manually']).toContain(await letItEnd(world));
      expect(await violations(tx, [world.taskId])).toEqual([]);
    }),
  );
  await fc.assert(law, { numRuns: 100 });
});

test('of a task that nothing hinders all steps complete', async () => {
  const law = fc.asyncProperty(anyShape, anyBypass, (shape, bypass) =>
    inRolledBackTransaction(home.database, async (tx) => {
      expect(await letItEnd(await arrange(tx, shape, bypass))).toBe('complete');
    }),
  );
  await fc.assert(law, { numRuns: 50 });
});

test('a foreign write alone leaves the derived rows stale until it is settled', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  expect(await readySteps(world)).toEqual(['a']);
  await settleChangedTasks(home.database, 100);
  expect(await readySteps(world)).toEqual(['b']);
});
