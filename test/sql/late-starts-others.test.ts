// What operators, deadlines, pauses, deaths and Rails apps do to a step that is claimed and whose in_progress row is not written
// yet. Whatever happens in between, the trail is whole in the end.
import { expect, test } from 'vitest';
import { cancelTasks, pause, resolveSteps, resume, retrySteps, retryTasks } from '../../sql/controls.ts';
import { completeStep } from '../../sql/outcomes.ts';
import { claimSteps, leaveWorker, takeBackLostSteps } from '../../sql/steps.ts';
import { expireTasks, settleChangedTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  claimLate,
  completed,
  handOver,
  idOf,
  record,
  startedWorld,
  withOtherWorker,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { claimedLate, claimsIn, lastOf, showLong, through } from '../support/late-claims.ts';
import { testDatabase } from '../support/postgres.ts';
import { claimsOf, readySteps, stateOfTask, stepColumns } from '../support/trail.ts';

const home = testDatabase();
const ann = { by: 'ann', reason: 'a test' };

test('a task that is cancelled within the window cancels a running step, and the outcome comes too late', async () => {
  const world = await claimedLate(home.database);
  const { results } = await cancelTasks(home.database, [world.taskId], ann);
  expect(results).toMatchObject([{ done: true, running_steps: 1 }]);
  expect(await through(world)).toEqual(['in_progress', 'cancelled']);
  expect(await lastOf(world)).toMatchObject({ event: 'cancel', by: 'ann', reason: 'a test' });
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
});

test('a running step is refused to an operator who resolves it, also within the window', async () => {
  const world = await claimedLate(home.database);
  const { results } = await resolveSteps(home.database, [idOf(world, 'a')], ann);
  expect(results).toMatchObject([{ done: false }]);
  expect(JSON.stringify(results)).toContain('in_progress');
  expect((await record(world, completed(world, 'a'))).refused).toEqual([]);
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('resolving by force within the window takes the step away as a failed attempt', async () => {
  const world = await claimedLate(home.database, { a: [], b: ['a'] });
  await resolveSteps(home.database, [idOf(world, 'a')], { ...ann, force: true });
  expect(await through(world)).toEqual(['in_progress', 'error', 'resolved_manually']);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 1 });
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
  expect(await readySteps(world)).toEqual(['b']);
});

test.each([
  ['step', (world: World) => retrySteps(home.database, [idOf(world, 'a')], ann)],
  ['task', (world: World) => retryTasks(home.database, [world.taskId], ann)],
])('retrying a %s within the window leaves the running step alone', async (_what, retry) => {
  const world = await claimedLate(home.database);
  await retry(world);
  expect([await through(world), await claimsOf(world)]).toEqual([['in_progress'], 1]);
  expect((await record(world, completed(world, 'a'))).refused).toEqual([]);
});

test('a deadline within the window ends the step with timed_out', async () => {
  const world = await claimedLate(home.database);
  await home.database.query(
    'insert into treadle.deadlines (task_id, deadline_at) values ($1, treadle.now())',
    [world.taskId],
  );
  await expireTasks(home.database, 100);
  expect(await through(world)).toEqual(['in_progress', 'error']);
  expect(await lastOf(world)).toMatchObject({
    code: 'timed_out',
    triggered_by: 'deadline',
    attempt_number: 1,
  });
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
});

test('a pause within the window lets the step end', async () => {
  const world = await claimedLate(home.database, { a: [], b: ['a'] });
  const subject = { scope: 'task', subject: String(world.taskId) } as const;
  await pause(home.database, subject, ann);
  expect((await handOver(world, {}, completed(world, 'a'))).claimed).toEqual([]);
  expect(await through(world)).toEqual(['in_progress', 'complete']);
  await resume(home.database, subject);
  expect(await claimLate(world)).toEqual(['b']);
});

test('a step of a worker that died within the window comes back with one attempt counted', async () => {
  const world = await claimedLate(home.database);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  const { lost } = await takeBackLostSteps(home.database);
  expect(lost).toMatchObject([{ workflow_step_id: idOf(world, 'a'), attempt: 1 }]);
  expect(await through(world)).toEqual(['in_progress', 'error']);
  expect(await lastOf(world)).toMatchObject({ code: 'worker_lost', worker_id: world.worker.worker_id });
  const other = await withOtherWorker(world);
  expect(await carryOut(other, 'a')).toMatchObject({ refused_claim_ids: [] });
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 2 });
});

test('a worker that leaves within the window gives the step back without an attempt counted', async () => {
  const world = await claimedLate(home.database);
  expect(await leaveWorker(home.database, world.worker)).toMatchObject({ given_back: 1 });
  expect(await through(world)).toEqual(['in_progress', 'error']);
  expect(await lastOf(world)).toMatchObject({ code: 'released' });
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 0 });
  expect(await claim(await withOtherWorker(world))).toEqual(['a']);
});

test('a handler that completes its step in its own transaction writes both rows', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const [step] = await claimSteps(home.database, world.worker, [world.handler], 1, { lateStart: true });
  await completeStep(home.database, step?.claim_token ?? '', { n: 1 });
  expect([await through(world), await stateOfTask(home.database, world.taskId)]).toEqual([
    ['in_progress', 'complete'],
    'complete',
  ]);
});

test.each(['resolved_manually', 'error', 'cancelled', 'in_progress'])(
  'what a Rails app writes within the window wins: %s, and the outcome is refused',
  async (state) => {
    const world = await claimedLate(home.database);
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
    expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
    expect(await through(world)).toEqual([state]);
    expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
      attempts: 0,
      processed: false,
    });
  },
);

test.each(['resolved_manually', 'error', 'cancelled', 'in_progress'])(
  'no start is written over what a Rails app wrote within the window: %s',
  async (state) => {
    const world = await claimedLate(home.database);
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
    await showLong(world);
    expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
    expect(await through(world)).toEqual([state]);
  },
);

test.each(['resolved_manually', 'cancelled', 'in_progress'])(
  'a claim whose step a Rails app moved within the window is void once that was noticed: %s',
  async (state) => {
    const world = await claimedLate(home.database, { a: [], b: [] });
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
    await settleChangedTasks(home.database, 100);
    expect((await claimsIn(world)).map((row) => row.workflow_step_id)).toEqual([idOf(world, 'b')]);
  },
);

test('a task that a Rails app cancels within the window cancels the running step', async () => {
  const world = await claimedLate(home.database);
  await writeAsRails(home.database, 'task', world.taskId, 'cancelled');
  await settleChangedTasks(home.database, 100);
  expect([await through(world), await claimsOf(world)]).toEqual([['in_progress', 'cancelled'], 0]);
  expect(await violations(home.database)).toEqual([]);
});

test('a step that a Rails app has started and Treadle claims late is left to the app', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'in_progress');
  expect(await claimLate(world)).toEqual(['b']);
});
