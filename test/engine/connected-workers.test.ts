// Workers in other processes, as the engine sees them: they get what they serve, within their credits; what they answer
// counts once; and what they leave behind runs again.
import { beforeEach, expect, test } from 'vitest';
import type { EngineOptions } from '../../engine/options.ts';
import type { StepContext } from '../../handlers/step-context.ts';
import { cancelTasks } from '../../sql/controls.ts';
import { completeStep } from '../../sql/outcomes.ts';
import { create, eventually, runToEnd, startEngine, type Works } from '../support/engines.ts';
import { stepIdsOf, templateOf, type Shape, type ShapeOptions } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { connectWorker, DONE } from '../support/remote-workers.ts';
import { statesOfSteps, statesThrough, stepColumns } from '../support/trail.ts';

const home = testDatabase();

// the tests call their handlers by the same names: none may get what another has left
beforeEach(async () => {
  const rows = await home.database.query<{ task_id: number }>(
    'select task_id from tasker_tasks where not complete',
  );
  await cancelTasks(
    home.database,
    rows.map(({ task_id }) => task_id),
    { by: 'the next test' },
  );
});

interface Options extends ShapeOptions {
  readonly works?: Works;
  readonly engine?: Partial<EngineOptions>;
}

/** A running engine with a template; its steps are served by `works`, or by whoever connects. */
async function started(shape: Shape, { works = {}, engine: more = {}, ...options }: Options = {}) {
  const template = templateOf(shape, options);
  const engine = await startEngine({ database: home.database, templates: [template], works, ...more });
  return { engine, template };
}

const idOf = async (taskId: number, name: string) => (await stepIdsOf(home.database, taskId))[name] ?? 0;
const endOf = (taskId: number) =>
  eventually(
    () => statesOfSteps(home.database, taskId),
    (states) => Object.values(states).every((state) => state === 'complete'),
  );

test('a worker runs the steps that it serves, beside those of this process', async () => {
  const { engine, template } = await started(
    { here: [], there: ['here'], again: ['there'] },
    { works: { here: () => ({ n: 1 }), again: ({ sequence }) => sequence.result('there') } },
  );
  connectWorker(engine, { handlers: ['there'], answers: () => ({ kind: 'complete', results: { n: 2 } }) });
  const { taskId, state } = await runToEnd(engine, template);
  const again = await stepColumns(home.database, await idOf(taskId, 'again'));
  expect([state, again.results]).toEqual(['complete', { n: 2 }]);
  expect(await violations(home.database)).toEqual([]);
});

test('a worker never holds more steps than it has credits', async () => {
  const names = Array.from({ length: 40 }, (_, place) => `s${place}`);
  const { engine, template } = await started(Object.fromEntries(names.map((name) => [name, []])));
  const held = connectWorker(engine, { handlers: names, credits: 3 });
  const taskId = await create(engine, template);
  for (let done = 0; done < names.length; done += 1) {
    const next = await eventually(
      async () => held.assigned[done],
      (value) => value !== undefined,
    );
    expect(held.assigned.length - done).toBeLessThanOrEqual(3);
    await held.answer(next?.step.step_name ?? '');
    held.worker.grant(1);
  }
  await endOf(taskId);
});

test('steps are spread over workers that serve the same', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const { engine, template } = await started(Object.fromEntries(names.map((name) => [name, []])));
  const [one, other] = [1, 2].map((n) =>
    connectWorker(engine, { handlers: names, credits: 2, name: `w${n}` }),
  );
  await create(engine, template);
  await eventually(
    async () => [one?.assigned.length, other?.assigned.length],
    (held) => held.every((count) => count === 2),
  );
});

test('a worker that is lost gives its steps back at once, as failed attempts', async () => {
  const { engine, template } = await started({ a: [] });
  const first = connectWorker(engine, { handlers: ['a'], name: 'first' });
  const taskId = await create(engine, template);
  await first.assignment('a');
  const second = connectWorker(engine, { handlers: ['a'], name: 'second' });
  first.worker.lost('its stream broke');
  await second.answer('a');
  await endOf(taskId);
  const stepId = await idOf(taskId, 'a');
  expect(await statesThrough(home.database, 'workflow_step', stepId)).toEqual([
    'in_progress', 'error', 'pending', 'in_progress', 'complete',
  ]); // prettier-ignore
  expect((await stepColumns(home.database, stepId)).attempts).toBe(2);
});

test('what is answered by a worker that does not hold the step changes nothing', async () => {
  const { engine, template } = await started({ a: [] });
  const [holder, other] = [
    connectWorker(engine, { handlers: ['a'] }),
    connectWorker(engine, { handlers: ['z'] }),
  ];
  const taskId = await create(engine, template);
  const { step } = await holder.assignment('a');
  expect(other.worker.answer(step.claim_token, DONE)).toBe(false);
  expect(await holder.answer('a')).toBe(true);
  expect(await holder.answer('a')).toBe(false);
  await endOf(taskId);
});

test('an attempt that outlives its timeout is told to stop, and its late answer is refused', async () => {
  const { engine, template } = await started(
    { slow: [] },
    { each: { timeout_seconds: 0.1, default_retry_limit: 1 } },
  );
  const slow = connectWorker(engine, { handlers: ['slow'] });
  const { taskId, state } = await runToEnd(engine, template);
  expect([state, slow.cancelled]).toEqual(['error', [['slow', 'timed_out']]]);
  expect(await slow.answer('slow')).toBe(false);
  expect((await stepColumns(home.database, await idOf(taskId, 'slow'))).results).toMatchObject({
    error: 'the attempt took longer than its timeout of 0.1 s',
  });
});

test('a worker is told when its step is cancelled', async () => {
  const { engine, template } = await started({ a: [] });
  const one = connectWorker(engine, { handlers: ['a'] });
  const taskId = await create(engine, template);
  await one.assignment('a');
  await engine.cancelTask(taskId);
  await eventually(
    async () => one.cancelled,
    (all) => all.length > 0,
  );
  expect(await one.answer('a')).toBe(false);
  expect(one.cancelled).toEqual([['a', 'revoked']]);
});

test('a step that its handler completed in its own transaction is not recorded again', async () => {
  const { engine, template } = await started({ a: [] });
  const one = connectWorker(engine, { handlers: ['a'] });
  const taskId = await create(engine, template);
  const { step } = await one.assignment('a');
  await home.database.transaction((tx) => completeStep(tx, step.claim_token, { paid: true }));
  await one.answer('a', { kind: 'completed_in_transaction' });
  await endOf(taskId);
  await one.worker.idle();
  expect((await stepColumns(home.database, step.workflow_step_id)).results).toEqual({ paid: true });
});

test('an attempt that goes on after its own transaction is left in peace', async () => {
  const { engine, template } = await started({ a: [], b: [] });
  const one = connectWorker(engine, { handlers: ['a', 'b'], credits: 2 });
  await create(engine, template);
  const [{ step }, other] = [await one.assignment('a'), await one.assignment('b')];
  await home.database.query('select treadle.complete_step($1, $2)', [step.claim_token, '{}']);
  await engine.resolveStep(other.step.workflow_step_id, { force: true }); // all that it has lost is looked at now
  await eventually(
    async () => one.cancelled,
    (all) => all.length > 0,
  );
  expect(one.cancelled).toEqual([['b', 'revoked']]);
  expect(await one.answer('a', { kind: 'completed_in_transaction' })).toBe(true);
});

test('a worker that claims a transaction which never was has failed', async () => {
  const { engine, template } = await started({ a: [] }, { each: { default_retry_limit: 1 } });
  const one = connectWorker(engine, { handlers: ['a'] });
  const taskId = await create(engine, template);
  await one.answer('a', { kind: 'completed_in_transaction' });
  expect(await engine.waitForTask(taskId)).toBe('error');
});

test('a step that was never begun goes back without an attempt', async () => {
  const { engine, template } = await started({ a: [] });
  const one = connectWorker(engine, { handlers: ['a'], name: 'one' });
  const taskId = await create(engine, template);
  await one.assignment('a');
  one.worker.drain();
  const other = connectWorker(engine, { handlers: ['a'], name: 'other' });
  await one.answer('a', { kind: 'released' });
  await other.answer('a');
  await endOf(taskId);
  expect((await stepColumns(home.database, await idOf(taskId, 'a'))).attempts).toBe(1);
  expect(await engine.stop()).toMatchObject({ givenBack: 0 }); // by the stop
});

test('an engine that stops lets its workers finish what they hold', async () => {
  const { engine, template } = await started({ a: [], b: ['a'] });
  const one = connectWorker(engine, { handlers: ['a', 'b'], credits: 5 });
  const taskId = await create(engine, template);
  await one.assignment('a');
  const stopped = engine.stop();
  await one.answer('a');
  await stopped;
  expect(one.dismissed).toEqual(['the engine stops']);
  expect(await statesOfSteps(home.database, taskId)).toEqual({ a: 'complete', b: 'pending' });
});

test('a worker that outlives the grace is told so, and its step is given back', async () => {
  const { engine, template } = await started({ a: [] });
  const one = connectWorker(engine, { handlers: ['a'] });
  const taskId = await create(engine, template);
  await one.assignment('a');
  expect(await engine.stop({ graceSeconds: 0 })).toMatchObject({ givenBack: 1 });
  expect(one.cancelled).toEqual([['a', 'engine_stopping']]);
  expect((await stepColumns(home.database, await idOf(taskId, 'a'))).attempts).toBe(0);
});

test('progress reaches whoever listens', async () => {
  const { engine, template } = await started({ a: [] });
  const heard: unknown[] = [];
  engine.onProgress(({ step_name, fraction, message }) => heard.push([step_name, fraction, message]));
  const one = connectWorker(engine, { handlers: ['a'] });
  const taskId = await create(engine, template);
  const { step } = await one.assignment('a');
  expect(one.worker.progress(step.claim_token, { fraction: 0.5, message: 'half' })).toBe(true);
  expect(one.worker.progress('1.2.3.4', { fraction: 1, message: '' })).toBe(false);
  await one.answer('a');
  await endOf(taskId);
  expect(heard).toEqual([['a', 0.5, 'half']]);
});

test('progress of a handler of this process reaches them too, clamped and cut', async () => {
  const half = ({ step }: StepContext) => {
    step.progress(1.5, 'x'.repeat(2000));
    step.progress(undefined, 'somewhere');
  };
  const { engine, template } = await started({ half: [] }, { works: { half } });
  const heard: unknown[] = [];
  engine.onProgress(({ fraction, message }) => heard.push([fraction, message.length]));
  await runToEnd(engine, template);
  expect(heard).toEqual([
    [1, 1024],
    [undefined, 9],
  ]);
});

test('the database says which handlers an engine serves, as workers come and go', async () => {
  const { engine } = await started({ a: [] });
  const served = async () => {
    const rows = await home.database.query<{ handlers: string[] }>(
      'select to_jsonb(handlers) as handlers from treadle.workers where worker_id = $1',
      [engine.stats().worker_id],
    );
    return rows[0]?.handlers ?? [];
  };
  const one = connectWorker(engine, { handlers: ['a'] });
  await eventually(served, (handlers) => handlers.includes('a'));
  one.worker.lost('it left');
  await eventually(served, (handlers) => !handlers.includes('a'));
});
