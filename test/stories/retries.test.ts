// What happens to a step that fails: it comes back when it may, until it may not.
import { expect, test } from 'vitest';
import { PermanentError, RetryableError } from '../../core/errors.ts';
import { create, runToEnd, Signal, startEngine, untilAborted } from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, statesThrough, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();
const quick = { backoff: { base_seconds: 0.02, factor: 1, max_seconds: 1, jitter: 0 } };

const idOf = async (taskId: number, step: string) => (await stepIdsOf(home.database, taskId))[step] ?? 0;

test('a failed step goes error -> pending -> in_progress and completes', async () => {
  const template = templateOf({ flaky: [] }, { each: quick });
  const flaky = ({ step }: { step: { attempt: number } }) => {
    if (step.attempt < 3) throw new Error('not yet');
    return { after: step.attempt };
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { flaky } });
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('complete');
  const step = await idOf(taskId, 'flaky');
  expect(await statesThrough(home.database, 'workflow_step', step)).toEqual([
    'in_progress',
    'error',
    'pending',
    'in_progress',
    'error',
    'pending',
    'in_progress',
    'complete',
  ]);
  expect(await stepColumns(home.database, step)).toMatchObject({ attempts: 3, results: { after: 3 } });
});

test('a task rests in pending while its only step waits for the next attempt', async () => {
  const template = templateOf({ flaky: [] }, { each: quick });
  const flaky = ({ step }: { step: { attempt: number } }) => {
    if (step.attempt === 1) throw new Error('not yet');
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { flaky } });
  const { taskId } = await runToEnd(engine, template);
  const rows = await trailOf(home.database, 'task', taskId);
  expect(rows.map((row) => row.to_state)).toEqual(['in_progress', 'pending', 'in_progress', 'complete']);
  expect(rows[1]?.metadata).toEqual({ event: 'wait', reason: 'waiting_for_retry' });
});

test('a retry is not made before the time that the other side asked for', async () => {
  const template = templateOf({ limited: [] }, { each: quick });
  const limited = ({ step }: { step: { attempt: number } }) => {
    if (step.attempt === 1) throw new RetryableError('429', { retryAfter: 0.4 });
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { limited } });
  const { taskId } = await runToEnd(engine, template);
  const [times] = await home.database.query<{ waited: number; asked: number }>(
    `select extract(epoch from again.created_at - failed.created_at)::float as waited,
       (failed.metadata ->> 'backoff_seconds')::float as asked
     from tasker_workflow_step_transitions failed
     join tasker_workflow_step_transitions again using (workflow_step_id)
     where workflow_step_id = $1 and failed.to_state = 'error' and again.to_state = 'pending'`,
    [await idOf(taskId, 'limited')],
  );
  expect(times?.asked).toBe(0.4);
  expect(times?.waited).toBeGreaterThanOrEqual(0.4);
});

test('a retry comes while a sibling still runs', async () => {
  const template = templateOf({ long: [], flaky: [] }, { each: quick });
  const [retried, attempts] = [new Signal(), [] as number[]];
  const works = {
    long: () => retried.happened,
    flaky: ({ step }: { step: { attempt: number } }) => {
      attempts.push(step.attempt);
      if (step.attempt === 1) throw new Error('not yet');
      retried.happen();
    },
  };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
  expect(attempts).toEqual([1, 2]);
});

test('exhausted attempts end the task in error', async () => {
  const template = templateOf({ broken: [] }, { each: { ...quick, default_retry_limit: 2 } });
  const broken = () => {
    throw new Error('no');
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { broken } });
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('error');
  const step = await idOf(taskId, 'broken');
  expect(await stepColumns(home.database, step)).toMatchObject({ attempts: 2, results: { error: 'no' } });
  const reason = (await trailOf(home.database, 'task', taskId)).at(-1)?.metadata;
  expect(reason).toEqual({ event: 'fail', reason: 'blocked_by_failures', blocked_by_step_ids: [step] });
});

test('a permanent failure ends the task in error once the independent branches have finished', async () => {
  const shape = { refused: [], after_refused: ['refused'], fine: [], after_fine: ['fine'] };
  const template = templateOf(shape, { each: quick });
  const works = {
    refused: () => {
      throw new PermanentError('card refused', { errorCode: 'card' });
    },
    after_refused: () => 'never',
    fine: () => 'fine',
    after_fine: () => 'fine too',
  };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('error');
  expect(await statesOfSteps(home.database, taskId)).toEqual({
    refused: 'error',
    after_refused: 'pending',
    fine: 'complete',
    after_fine: 'complete',
  });
  const { attempts, results } = await stepColumns(home.database, await idOf(taskId, 'refused'));
  expect([attempts, results['error_code']]).toEqual([3, 'card']);
});

test('a step that outlives its timeout frees its slot, and its late answer is refused', async () => {
  const template = templateOf({ slow: [] }, { each: { timeout_seconds: 0.05, default_retry_limit: 1 } });
  const next = templateOf({ next: [] });
  const [late, answered] = [new Signal(), new Signal()];
  const slow = async () => {
    await late.happened;
    setImmediate(answered.happen);
    return { late: true };
  };
  const works = { slow, next: () => 'ran' };
  const engine = await startEngine({
    database: home.database,
    templates: [template, next],
    works,
    concurrency: 1,
  });
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('error');
  expect(await runToEnd(engine, next)).toMatchObject({ state: 'complete' });
  late.happen();
  await answered.happened;
  await engine.stop();
  const { results } = await stepColumns(home.database, await idOf(taskId, 'slow'));
  expect(results).toMatchObject({ error_class: 'TimeoutError' });
});

test('a handler is told through its signal that its time is up', async () => {
  const template = templateOf({ slow: [] }, { each: { timeout_seconds: 0.05, default_retry_limit: 1 } });
  const told = new Signal();
  const slow = ({ signal }: { signal: AbortSignal }) => untilAborted(signal).finally(told.happen);
  const engine = await startEngine({ database: home.database, templates: [template], works: { slow } });
  await create(engine, template);
  await expect(told.happened).resolves.toBeUndefined();
});

test('results that Postgres cannot store fail their own step only', async () => {
  const template = templateOf({ bad: [], good: [] });
  const [together, first] = [new Signal(), [] as string[]];
  const meet = async (name: string) => {
    if (first.push(name) === 2) together.happen();
    await together.happened;
  };
  const works = {
    bad: async () => meet('bad').then(() => ({ text: 'a\u0000b' })),
    good: async () => meet('good').then(() => ({ text: 'ab' })),
  };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('error');
  expect(await statesOfSteps(home.database, taskId)).toEqual({ bad: 'error', good: 'complete' });
  const failure = (await trailOf(home.database, 'workflow_step', await idOf(taskId, 'bad'))).at(-1)?.metadata;
  expect(failure).toMatchObject({ code: 'invalid_output', retry_available: false });
});
