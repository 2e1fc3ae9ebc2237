// claim_steps: who gets which steps, what is written, what a handler is given.
import { expect, test } from 'vitest';
import { claimSteps, leaveWorker } from '../../sql/steps.ts';
import {
  carryOut,
  claim,
  createdWorld,
  failed,
  idOf,
  moveClock,
  record,
  sibling,
  startedWorld,
  withOtherWorker,
  writeAsRails,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { startTasks } from '../../sql/tasks.ts';
import { claimsOf, derivedRows, readySteps, statesThrough, stepColumns, trailOf } from '../support/trail.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';

const home = testDatabase();

test('only steps whose parents are done are given out', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  expect(await claim(world)).toEqual(['a', 'b']);
  expect(await claim(world)).toEqual([]);
});

test('a claim writes the transition and leaves the step row alone', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const before = await stepColumns(home.database, idOf(world, 'a'));
  await claim(world);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toEqual(before);
  const { worker_id } = world.worker;
  expect(await trailOf(home.database, 'workflow_step', idOf(world, 'a'))).toEqual([
    {
      from_state: 'pending',
      to_state: 'in_progress',
      sort_key: 10,
      most_recent: true,
      metadata: { event: 'start', attempt_number: 1, worker_id, triggered_by: 'treadle' },
    },
  ]);
  expect([await claimsOf(world), await readySteps(world)]).toEqual([1, []]);
});

test('a retry goes through pending', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 0));
  await startTasks(home.database, [world.taskId]);
  expect(await claim(world)).toEqual(['a']);
  const states = await statesThrough(home.database, 'workflow_step', idOf(world, 'a'));
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress']);
});

test('a claim brings everything that a handler needs', async () => {
  const options = { each: { timeout_seconds: 1.5, handler_config: { depth: 2 }, default_retry_limit: 7 } };
  const world = await startedWorld(home.database, { a: [], b: ['a'] }, options);
  await carryOut(world, 'a');
  const [step] = await claimSteps(home.database, world.worker, [world.handler], 1);
  expect(step).toMatchObject({
    workflow_step_id: idOf(world, 'b'),
    step_name: 'b',
    handler: world.handler,
    attempt: 1,
    retry_limit: 7,
    handler_config: { depth: 2 },
    timeout_ms: 1500,
    inputs: { order_id: 1 },
    parent_results: { a: { by: 'a' } },
    task: { task_id: world.taskId, namespace_name: 'test', context: { order_id: 1 }, version: '0.1.0' },
  });
});

test('no more than the capacity is given out, in the order of the ids', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: [] });
  expect(await claim(world, 2)).toEqual(['a', 'b']);
  expect(await claim(world, 2)).toEqual(['c']);
});

test('a higher priority goes first', async () => {
  const world = await createdWorld(home.database, { a: [], b: [], c: [] });
  await home.database.query(
    `update treadle.step_definitions set priority = 5 where named_task_id = $1 and step_name = 'c'`,
    [world.namedTaskId],
  );
  await startTasks(home.database, [world.taskId]);
  expect(await claim(world, 1)).toEqual(['c']);
});

test('a step of a handler that the worker does not serve stays', async () => {
  const world = await startedWorld(home.database, { a: [] });
  expect(await claimSteps(home.database, world.worker, ['another'], 10)).toEqual([]);
  expect(await readySteps(world)).toEqual(['a']);
});

test('a worker that was declared dead gets nothing but an error', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await leaveWorker(home.database, world.worker);
  await expect(claim(world)).rejects.toMatchObject({ code: 'fenced' });
});

test('two workers at the same time take disjoint sets and do not wait', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: [], d: [] });
  const other = await withOtherWorker(world);
  const [first, second] = [await openTransaction(home.database), await openTransaction(home.database)];
  expect(await claim({ ...world, db: first }, 2)).toEqual(['a', 'b']);
  expect(await claim({ ...other, db: second }, 10)).toEqual(['c', 'd']);
  await Promise.all([first.commit(), second.commit()]);
  expect(await claimsOf(world)).toBe(4);
});

test('a refresh during a claim waits and leaves no stale ready row', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const [claiming, refreshing] = [await openTransaction(home.database), await openTransaction(home.database)];
  await claim({ ...world, db: claiming }, 1);
  const refreshed = refreshing.query('select treadle.refresh_tasks(array[$1::bigint])', [world.taskId]);
  await untilBlocked(home.database, refreshing.pid);
  await claiming.commit();
  await refreshed;
  await refreshing.commit();
  expect(await readySteps(world)).toEqual(['b']);
});

test('a claim during a refresh takes nothing and does not wait', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const refreshing = await openTransaction(home.database);
  await refreshing.query('select treadle.refresh_tasks(array[$1::bigint])', [world.taskId]);
  expect(await claim(world)).toEqual([]);
  await refreshing.commit();
  expect(await claim(world)).toEqual(['a']);
});

test('a step that another hand took meanwhile is not claimed and offered no more', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'cancelled');
  expect(await claim(world)).toEqual(['b']);
  expect([await claimsOf(world), await readySteps(world)]).toEqual([1, []]);
});

test('a step that another hand put back to pending while it ran can be claimed again', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  for (const state of ['error', 'pending']) {
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
  }
  await home.database.query('select treadle.settle_changed_tasks(100)');
  expect([await claimsOf(world), await readySteps(world)]).toEqual([0, ['a']]);
  expect(await claim(await withOtherWorker(world))).toEqual(['a']);
});

test('one claim serves many tasks', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const other = await sibling(world);
  const claimed = await claimSteps(home.database, world.worker, [world.handler], 10);
  expect(claimed.map((step) => step.task_id).toSorted((a, b) => a - b)).toEqual([world.taskId, other.taskId]);
});

test('a worker whose lease has run out loses its steps, one attempt counted, and its late answer', async () => {
  const world = await startedWorld(home.database, { a: [] }, { leaseSeconds: 60 });
  await claim(world);
  await moveClock(home.database, 61);
  await home.database.query('select treadle.take_back_lost_steps()');
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
    attempts: 1,
    results: { error_class: 'Treadle::WorkerLost' },
  });
  const late = await record(world, failed(world, 'a', 0));
  expect(late.refused).toEqual([idOf(world, 'a')]);
  await startTasks(home.database, [world.taskId]);
  expect(await derivedRows(home.database, world.taskId)).toMatchObject({
    ready: [{ task_id: world.taskId }],
  });
});
