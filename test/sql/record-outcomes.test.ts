// record_outcomes: the rows of one fact, what it opens, what it ends, and what it refuses.
import { expect, test } from 'vitest';
import {
  carryOut,
  claim,
  completed,
  failed,
  idOf,
  record,
  sibling,
  startedWorld,
  withOtherWorker,
  writeAsRails,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  claimsOf,
  readySteps,
  stateOfTask,
  statesOfSteps,
  stepColumns,
  trailOf,
  wakeupOf,
} from '../support/trail.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';
import { violations } from '../support/invariants.ts';

const home = testDatabase();

test('a completed step keeps its results, its columns and its audit row', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await carryOut(world, 'a');
  const columns = await stepColumns(home.database, idOf(world, 'a'));
  expect(columns).toMatchObject({ attempts: 1, processed: true, in_process: false, results: { by: 'a' } });
  expect(columns.processed_at).toEqual(columns.last_attempted_at);
  const row = (await trailOf(home.database, 'workflow_step', idOf(world, 'a'))).at(-1);
  expect(row).toMatchObject({
    from_state: 'in_progress',
    to_state: 'complete',
    sort_key: 20,
    most_recent: true,
  });
  expect(row?.metadata).toMatchObject({
    event: 'complete',
    attempt_number: 1,
    worker_id: world.worker.worker_id,
  });
});

test('a failed step keeps its error and says when it comes again', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 1500));
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
    attempts: 1,
    processed: false,
    processed_at: null,
    backoff_request_seconds: 2,
    results: { error: 'it broke', error_class: 'Error', backtrace: 'at here' },
  });
  const row = (await trailOf(home.database, 'workflow_step', idOf(world, 'a'))).at(-1);
  expect(row?.metadata).toMatchObject({
    error_message: 'it broke',
    backoff_seconds: 1.5,
    retry_available: true,
  });
});

test('success after a failure clears the back-off', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 0));
  await home.database.query('select treadle.start_tasks(array[$1::bigint])', [world.taskId]);
  await carryOut(world, 'a');
  const columns = await stepColumns(home.database, idOf(world, 'a'));
  expect(columns).toMatchObject({ attempts: 2, backoff_request_seconds: null, results: { by: 'a' } });
});

test('a permanent failure uses up all attempts, so that Rails readers see a blocked task', async () => {
  const world = await startedWorld(home.database, { a: [] }, { each: { default_retry_limit: 5 } });
  await claim(world);
  await record(world, failed(world, 'a', null));
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
    attempts: 5,
    backoff_request_seconds: null,
  });
  const [context] = await home.database.query('select execution_status from get_task_execution_context($1)', [
    world.taskId,
  ]);
  expect(context).toEqual({ execution_status: 'blocked_by_failures' });
});

test('the last attempt that fails ends the step and the task', async () => {
  const world = await startedWorld(home.database, { a: [] }, { each: { default_retry_limit: 1 } });
  await claim(world);
  const { finalized } = await record(world, failed(world, 'a', 1000));
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'fail', to_state: 'error' }]);
});

test('children become ready when the last of their parents is done, and say for whom', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  await claim(world);
  expect((await record(world, completed(world, 'a'))).ready_handlers).toEqual([]);
  expect((await record(world, completed(world, 'b'))).ready_handlers).toEqual([world.handler]);
  expect(await readySteps(world)).toEqual(['c']);
});

test('both parents in one batch open the child once', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  await carryOut(world, 'a', 'b');
  expect(await readySteps(world)).toEqual(['c']);
});

test('the last outcome completes the task in the same statement', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { finalized } = await carryOut(world, 'a');
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'complete', to_state: 'complete' }]);
  const [task] = await home.database.query('select complete from tasker_tasks where task_id = $1', [
    world.taskId,
  ]);
  expect(task).toEqual({ complete: true });
});

test('a retry that waits beside a running sibling has a wake-up of its own', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world);
  const { wakeups, finalized } = await record(world, failed(world, 'a', 30_000));
  expect([wakeups, finalized]).toEqual([1, []]);
  expect(await wakeupOf(world)).toEqual({ reason: 'retry_due', in: 30 });
});

test('one batch carries outcomes of several tasks and answers for each', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const other = await sibling(world);
  await claim(world);
  const outcomes = [completed(world, 'a'), failed(other, 'a', null)];
  const { finalized } = await record(world, ...outcomes);
  expect(finalized).toContainEqual({ task_id: world.taskId, event: 'complete', to_state: 'complete' });
  expect(finalized).toContainEqual({ task_id: other.taskId, event: 'fail', to_state: 'error' });
});

test('an outcome of a worker that does not hold the claim is refused and changes nothing', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  const before = [
    await statesOfSteps(home.database, world.taskId),
    await stepColumns(home.database, idOf(world, 'a')),
  ];
  const stranger = await withOtherWorker(world);
  const { refused } = await record(stranger, completed(world, 'a'));
  expect(refused).toEqual([idOf(world, 'a')]);
  const after = [
    await statesOfSteps(home.database, world.taskId),
    await stepColumns(home.database, idOf(world, 'a')),
  ];
  expect(after).toEqual(before);
  expect([await claimsOf(world), await readySteps(world)]).toEqual([1, []]);
});

test('an outcome under an older epoch is refused', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  const fenced = { ...world, worker: { ...world.worker, epoch: world.worker.epoch - 1 } };
  expect((await record(fenced, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
});

test('the second answer for the same attempt is refused, the first stands', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await carryOut(world, 'a');
  const { refused } = await record(world, failed(world, 'a', null));
  expect(refused).toEqual([idOf(world, 'a')]);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
    results: { by: 'a' },
    attempts: 1,
  });
});

test('a refused outcome does not hold back the others of its batch', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world, 1);
  const { refused } = await record(world, completed(world, 'b'), completed(world, 'a'));
  expect(refused).toEqual([idOf(world, 'b')]);
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'complete', b: 'pending' });
});

test('a step that another hand cancelled while it ran is refused, and the task still ends', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'cancelled');
  await home.database.query('select treadle.settle_changed_tasks(100)');
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
  expect(await stateOfTask(home.database, world.taskId)).toBe('error');
});

test('two recorders of the last two parallel steps end the task exactly once', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const other = await withOtherWorker(world);
  expect([await claim(world, 1), await claim(other, 1)]).toEqual([['a'], ['b']]);
  const [first, second] = [await openTransaction(home.database), await openTransaction(home.database)];
  expect((await record({ ...world, db: first }, completed(world, 'a'))).finalized).toEqual([]);
  const last = record({ ...other, db: second }, completed(world, 'b'));
  await untilBlocked(home.database, second.pid);
  await first.commit();
  expect((await last).finalized).toHaveLength(1);
  await second.commit();
  const rows = await trailOf(home.database, 'task', world.taskId);
  expect(rows.map((row) => row.to_state)).toEqual(['in_progress', 'complete']);
});

test('two recorders of two parents open their child exactly once', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  const other = await withOtherWorker(world);
  expect([await claim(world, 1), await claim(other, 1)]).toEqual([['a'], ['b']]);
  const [first, second] = [await openTransaction(home.database), await openTransaction(home.database)];
  await record({ ...world, db: first }, completed(world, 'a'));
  const last = record({ ...other, db: second }, completed(world, 'b'));
  await untilBlocked(home.database, second.pid);
  await first.commit();
  expect((await last).ready_handlers).toEqual([world.handler]);
  await second.commit();
  expect(await readySteps(world)).toEqual(['c']);
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
