// Retrying and resolving by hand: what the step gets, what its children see, and what becomes of the task.
import { expect, test } from 'vitest';
import { resolveSteps, retrySteps, retryTasks, type Operator } from '../../sql/controls.ts';
import { claimSteps } from '../../sql/steps.ts';
import { settleChangedTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  completed,
  createdWorld,
  failed,
  idOf,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  claimsOf,
  readySteps,
  stateOfTask,
  statesThrough,
  stepColumns,
  trailOf,
  wakeupOf,
} from '../support/trail.ts';

const home = testDatabase();
const ann: Operator = { by: 'ann', reason: 'the printer is new' };

const retryStep = (world: World) => retrySteps(home.database, [idOf(world, 'a')], ann);
const retryTask = (world: World) => retryTasks(home.database, [world.taskId], ann);
const resolveStep = (world: World) => resolveSteps(home.database, [idOf(world, 'a')], ann);
const force = (world: World) => resolveSteps(home.database, [idOf(world, 'a')], { ...ann, force: true });

/** A task with a step `a` that runs, and its child `b`. */
async function running(): Promise<World> {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  return world;
}

/** Its first step has failed: for good, or with an attempt to come. */
async function failedWorld(delayMs: number | null = null): Promise<World> {
  const world = await running();
  await record(world, failed(world, 'a', delayMs));
  return world;
}

test('a retry gives all attempts anew, and keeps how many there were', async () => {
  const world = await failedWorld();
  const id = idOf(world, 'a');
  const { attempts } = await stepColumns(home.database, id);
  await retryStep(world);
  const { metadata } = (await trailOf(home.database, 'workflow_step', id)).at(-1) ?? {};
  expect([attempts, metadata?.['attempts_before']]).toEqual([3, 3]);
  const [step] = await claimSteps(home.database, world.worker, [world.handler], 10);
  expect(step).toMatchObject({ workflow_step_id: id, attempt: 1 });
});

test('a failed task goes error, pending, in_progress when its step is retried, and completes', async () => {
  const world = await failedWorld();
  await retryTask(world);
  await carryOut(world, 'a');
  await carryOut(world, 'b');
  expect(await statesThrough(home.database, 'task', world.taskId)).toEqual([
    'in_progress',
    'error',
    'pending',
    'in_progress',
    'complete',
  ]);
});

test('a step that waited for its next attempt runs at once', async () => {
  const world = await failedWorld(60_000);
  expect(await wakeupOf(world)).toMatchObject({ reason: 'retry_due' });
  await retryStep(world);
  expect([await wakeupOf(world), await readySteps(world)]).toEqual([undefined, ['a']]);
});

test('a step that may not be retried gets one more attempt', async () => {
  const each = { default_retryable: false };
  const world = await startedWorld(home.database, { a: [] }, { each });
  await claim(world);
  await record(world, failed(world, 'a', null));
  await retryStep(world);
  expect(await claim(world)).toEqual(['a']);
});

test('a pending step without an attempt left, which a Rails app made, runs', async () => {
  const world = await failedWorld();
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'pending');
  await settleChangedTasks(home.database, 1000);
  expect(await stateOfTask(home.database, world.taskId)).toBe('error');
  await retryTask(world);
  expect([await stateOfTask(home.database, world.taskId), await readySteps(world)]).toEqual([
    'in_progress',
    ['a'],
  ]);
  expect(await violations(home.database)).toEqual([]);
});

test('a step to which another hand left no attempt at all is refused', async () => {
  const world = await failedWorld();
  await home.database.query('update tasker_workflow_steps set retry_limit = 0 where workflow_step_id = $1', [
    idOf(world, 'a'),
  ]);
  const [step, task] = [await retryStep(world), await retryTask(world)];
  expect(step.results).toMatchObject([
    { done: false, why: expect.stringContaining('has a retry limit of 0') },
  ]);
  expect(task.results).toMatchObject([{ done: false, why: expect.stringContaining('has no step to retry') }]);
});

test('a task that another hand failed goes on when it is retried', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await writeAsRails(home.database, 'task', world.taskId, 'error');
  await settleChangedTasks(home.database, 1000);
  expect(await stateOfTask(home.database, world.taskId)).toBe('error');
  const { results, reopened } = await retryTask(world);
  expect(results).toMatchObject([{ done: true, retried_steps: 0, task_state: 'in_progress' }]);
  expect([reopened, await readySteps(world)]).toEqual([[world.taskId], ['a']]);
});

test('children see the results that a resolution gives', async () => {
  const world = await failedWorld();
  await resolveSteps(home.database, [idOf(world, 'a')], { ...ann, results: { printed: 'by hand' } });
  const [step] = await claimSteps(home.database, world.worker, [world.handler], 10);
  expect(step).toMatchObject({ step_name: 'b', parent_results: { a: { printed: 'by hand' } } });
});

test('a resolved step says so in its columns', async () => {
  const world = await failedWorld(60_000);
  await resolveStep(world);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
    processed: true,
    in_process: false,
    processed_at: expect.any(Date),
    backoff_request_seconds: null,
    results: { error: 'it broke' },
  });
});

test('the last step that is resolved completes the task', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { results, finalized } = await resolveStep(world);
  expect(results).toMatchObject([{ done: true, task_state: 'complete' }]);
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'complete', to_state: 'complete' }]);
});

test('a task of which another step failed for good stays failed', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world);
  await record(world, failed(world, 'a', null), failed(world, 'b', null));
  const { results, reopened } = await resolveStep(world);
  expect([results, reopened]).toMatchObject([[{ done: true, task_state: 'error' }], []]);
});

test('a running step that is resolved by force is taken from its worker', async () => {
  const world = await running();
  await force(world);
  const states = await statesThrough(home.database, 'workflow_step', idOf(world, 'a'));
  expect([states, await claimsOf(world)]).toEqual([['in_progress', 'error', 'resolved_manually'], 0]);
  expect((await record(world, completed(world, 'a'))).refused).toHaveLength(1);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 1 });
});

test('a task that waits for its time still waits when one of its steps is resolved', async () => {
  const run_at = new Date(Date.now() + 3_600_000).toISOString();
  const world = await createdWorld(home.database, { a: [], b: ['a'] }, { request: { run_at } });
  await resolveStep(world);
  expect([await stateOfTask(home.database, world.taskId), await wakeupOf(world)]).toMatchObject([
    'pending',
    { reason: 'created' },
  ]);
});

test('a retry that is due later is not hurried by the resolution of its sibling', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world, 1);
  await record(world, failed(world, 'a', 40_000));
  await resolveSteps(home.database, [idOf(world, 'b')], ann);
  expect([await stateOfTask(home.database, world.taskId), await wakeupOf(world)]).toEqual([
    'pending',
    { reason: 'retry_due', in: 40 },
  ]);
});
