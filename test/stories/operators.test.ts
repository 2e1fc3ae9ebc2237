// An operator steps in while an engine works: by the engine's own API, by plain SQL from another connection, or through the
// transitions that a Rails app writes. Whatever was done, the task goes on by itself or ends.
import { expect, test } from 'vitest';
import { PermanentError, RetryableError } from '../../core/errors.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { create, eventually, runToEnd, Signal, startEngine, untilAborted } from '../support/engines.ts';
import { stepIdsOf, templateOf, writeAsRails } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, statesThrough, trailOf } from '../support/trail.ts';

const home = testDatabase();
const ann = { by: 'ann', reason: 'wrong address' };

/** Recovery looks around every third of it: what is told here is told by a notification. */
const leaseSeconds = 600;

/** A handler that runs until it is told to stop, and remembers when and why. */
function untilTold() {
  const [running, told] = [new Signal(), new Signal()];
  const seen: { reason?: unknown } = {};
  const work = async ({ signal }: StepContext): Promise<void> => {
    running.happen();
    await untilAborted(signal).catch((reason: unknown) => {
      seen.reason = reason;
      told.happen();
      throw reason;
    });
  };
  return { work, running: running.happened, told: told.happened, seen };
}

async function idOfStep(taskId: number, name: string): Promise<number> {
  return (await stepIdsOf(home.database, taskId))[name] ?? 0;
}

test('cancelling a task tells its running handler to stop, at once', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const { work, running, told, seen } = untilTold();
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { print: work, ship: () => 'shipped' },
    leaseSeconds,
  });
  const taskId = await create(engine, template);
  await running;
  const cancelled = await engine.cancelTask(taskId, ann);
  const at = performance.now();
  await told;
  expect(performance.now() - at).toBeLessThan(100);
  expect(cancelled).toMatchObject({ done: true, cancelled_steps: 2, running_steps: 1 });
  expect(seen.reason).toEqual(new Error('the step was cancelled by ann: wrong address'));
  expect(await engine.waitForTask(taskId)).toBe('cancelled');
});

test.each([
  [
    'plain SQL',
    (id: number) => home.database.query(`select * from treadle.cancel_tasks(array[${id}], 'ann', 'why')`),
  ],
  [
    'a Rails app',
    (id: number) => home.database.transaction((tx) => writeAsRails(tx, 'task', id, 'cancelled')),
  ],
])('a task that %s cancels ends with its steps, and its handler stops', async (_hand, cancel) => {
  const template = templateOf({ print: [], ship: ['print'] });
  const { work, running, told } = untilTold();
  const works = { print: work, ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works, leaseSeconds });
  const taskId = await create(engine, template);
  await running;
  await cancel(taskId);
  await told;
  expect(await statesOfSteps(home.database, taskId)).toEqual({ print: 'cancelled', ship: 'cancelled' });
  expect(await stateOfTask(home.database, taskId)).toBe('cancelled');
});

test('the slot of a cancelled handler that ignores its signal is free for others', async () => {
  const template = templateOf({ deaf: [] });
  const other = templateOf({ quick: [] });
  const [running, release] = [new Signal(), new Signal()];
  const deaf = () => {
    running.happen();
    return release.happened;
  };
  const works = { deaf, quick: () => 'done' };
  const engine = await startEngine({
    database: home.database,
    templates: [template, other],
    works,
    concurrency: 1,
  });
  const taskId = await create(engine, template);
  await running.happened;
  await engine.cancelTask(taskId, ann);
  expect((await runToEnd(engine, other)).state).toBe('complete');
  release.happen();
});

test('nothing of a paused task begins until it is resumed', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const [running, release, began] = [new Signal(), new Signal(), [] as string[]];
  const print = async () => {
    running.happen();
    await release.happened;
  };
  const works = { print, ship: () => began.push('ship'), quick: () => began.push('quick') };
  const other = templateOf({ quick: [] });
  const engine = await startEngine({ database: home.database, templates: [template, other], works });
  const taskId = await create(engine, template);
  await running.happened;
  await engine.pause({ task_id: taskId }, ann);
  release.happen();
  await eventually(
    () => statesOfSteps(home.database, taskId),
    ({ print: state }) => state === 'complete',
  );
  await runToEnd(engine, other); // later than the step that is held
  expect(began).toEqual(['quick']);
  await engine.resume({ task_id: taskId });
  expect([await engine.waitForTask(taskId), began]).toEqual(['complete', ['quick', 'ship']]);
});

test('a paused handler does not begin what is created afterwards', async () => {
  const [slow, other] = [templateOf({ print: [] }), templateOf({ quick: [] })];
  const began: string[] = [];
  const works = { print: () => began.push('print'), quick: () => began.push('quick') };
  const engine = await startEngine({ database: home.database, templates: [slow, other], works });
  expect(await engine.pause({ handler: 'print' }, ann)).toMatchObject({ done: true });
  const taskId = await create(engine, slow);
  await eventually(
    () => stateOfTask(home.database, taskId),
    (state) => state === 'in_progress',
  );
  await runToEnd(engine, other);
  expect(began).toEqual(['quick']);
  expect(await engine.resume({ handler: 'print' })).toMatchObject({ done: true, steps: 1 });
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a step that used up its attempts runs again with all of them when it is retried', async () => {
  const template = templateOf({ print: [], ship: ['print'] }, { each: { default_retry_limit: 2 } });
  const attempts: number[] = [];
  const broken = { yes: true };
  const print = ({ step }: StepContext) => {
    attempts.push(step.attempt);
    if (broken.yes || step.attempt === 1) throw new RetryableError('no paper', { retryAfter: 0 });
    return 'printed';
  };
  const works = { print, ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const { taskId, state } = await runToEnd(engine, template);
  broken.yes = false;
  expect(await engine.retryTask(taskId, ann)).toMatchObject({ retried_steps: 1, from_state: 'error' });
  expect([state, await engine.waitForTask(taskId), attempts]).toEqual(['error', 'complete', [1, 2, 1, 2]]);
});

test('a retry says in the audit trail who asked for it and why', async () => {
  const template = templateOf({ print: [] });
  const broken = { yes: true };
  const print = () => {
    if (broken.yes) throw new PermanentError('on fire');
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { print } });
  const { taskId } = await runToEnd(engine, template);
  broken.yes = false;
  const id = await idOfStep(taskId, 'print');
  await engine.retryStep(id, ann);
  await engine.waitForTask(taskId);
  const trail = await trailOf(home.database, 'workflow_step', id);
  expect(trail.map(({ to_state }) => to_state)).toEqual([
    'in_progress',
    'error',
    'pending',
    'in_progress',
    'complete',
  ]);
  expect(trail[2]?.metadata).toMatchObject({ event: 'retry', ...ann, attempts_before: 3 });
});

test('a step that waits an hour for its next attempt runs at once when it is retried', async () => {
  const template = templateOf({ print: [] });
  const [failed, broken] = [new Signal(), { yes: true }];
  const print = () => {
    if (broken.yes) throw new RetryableError('later', { retryAfter: 3600 });
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { print } });
  engine.on('step.failed', failed.happen);
  const taskId = await create(engine, template);
  await failed.happened;
  broken.yes = false;
  await engine.retryStep(await idOfStep(taskId, 'print'), ann);
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('children run with the results that an operator gives a failed step', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const seen: unknown[] = [];
  const print = () => {
    throw new PermanentError('on fire');
  };
  const ship = ({ sequence }: StepContext) => seen.push(sequence.result('print'));
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { print, ship },
  });
  const { taskId } = await runToEnd(engine, template);
  await engine.resolveStep(await idOfStep(taskId, 'print'), { ...ann, results: { pages: 3 } });
  expect([await engine.waitForTask(taskId), seen]).toEqual(['complete', [{ pages: 3 }]]);
});

test('a running step that is resolved by force is stopped, and its children run', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const { work, running, told } = untilTold();
  const works = { print: work, ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works, leaseSeconds });
  const taskId = await create(engine, template);
  await running;
  const id = await idOfStep(taskId, 'print');
  await expect(engine.resolveStep(id, ann)).rejects.toMatchObject({ code: 'unlawful_transition' });
  await engine.resolveStep(id, { ...ann, force: true });
  await told;
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a running step that a Rails app ends is stopped, and its children run', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const { work, running, told, seen } = untilTold();
  const works = { print: work, ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works, leaseSeconds });
  const taskId = await create(engine, template);
  await running;
  const id = await idOfStep(taskId, 'print');
  await home.database.transaction((tx) => writeAsRails(tx, 'workflow_step', id, 'complete'));
  await told;
  expect(seen.reason).toEqual(new Error('the step was ended by another hand: it is complete'));
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a failed task goes on by itself when a Rails app resolves its step', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const print = () => {
    throw new PermanentError('on fire');
  };
  const works = { print, ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const { taskId } = await runToEnd(engine, template);
  const id = await idOfStep(taskId, 'print');
  await home.database.transaction((tx) => writeAsRails(tx, 'workflow_step', id, 'resolved_manually'));
  const trail = () => statesThrough(home.database, 'task', taskId);
  const states = await eventually(trail, (seen) => seen.at(-1) === 'complete');
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress', 'complete']);
});

test('listeners hear what an operator did', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const heard: string[] = [];
  const { work, running } = untilTold();
  const works = { print: work, ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works, leaseSeconds });
  engine.on('step.cancelled', ({ step_name, from_state }) => heard.push(`${step_name} was ${from_state}`));
  engine.on('task.cancelled', ({ task_id, from_state }) => heard.push(`task ${task_id} was ${from_state}`));
  const taskId = await create(engine, template);
  await running;
  await engine.cancelTask(taskId);
  expect(heard).toEqual(['print was in_progress', 'ship was pending', `task ${taskId} was in_progress`]);
});

test('what cannot be done is one clear error', async () => {
  const template = templateOf({ print: [] });
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { print: () => 'printed' },
  });
  const { taskId } = await runToEnd(engine, template);
  await expect(engine.cancelTask(taskId, ann)).rejects.toMatchObject({
    code: 'unlawful_transition',
    message: `task ${taskId} is complete, expected pending or in_progress or error`,
  });
  await expect(engine.retryTask(987_654, ann)).rejects.toMatchObject({ code: 'unknown_task' });
});
