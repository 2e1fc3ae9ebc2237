// Steps go to a worker over its stream and come back with what they ended in.
import { expect, test } from 'vitest';
import { FailureCode } from '../../../proto/gen/treadle/v1/worker.ts';
import { create, runToEnd } from '../../support/engines.ts';
import { stepIdsOf, templateOf, uniqueName } from '../../support/factories.ts';
import { serve } from '../../support/grpc-servers.ts';
import { testDatabase } from '../../support/postgres.ts';
import { statesOfSteps, stepColumns, trailOf } from '../../support/trail.ts';

const home = testDatabase();

/** One task of one step, whose attempt a worker holds. */
async function oneHeld(each: object = {}) {
  const handler = uniqueName('Only'); // else the steps of other tests would come here
  const template = templateOf({ only: [] }, { each: { handler_class: handler, ...each } });
  const served = await serve({ database: home.database, templates: [template] });
  const worker = await served.startWorker([handler]);
  const taskId = await create(served.engine, template);
  const [held] = await worker.assigned(1);
  if (!held) throw new Error('nothing was assigned');
  const stepId = (await stepIdsOf(home.database, taskId))['only'] ?? 0;
  return { ...served, handler, template, worker, taskId, stepId, held };
}

test('a worker is told the terms when it registers', async () => {
  const { newWorker, engine } = await serve({ database: home.database, templates: [] });
  expect(await newWorker().register({ handlers: ['A'] })).toEqual({
    engine_id: engine.stats().worker_id,
    engine_version: 'unknown',
    heartbeat_interval_ms: 5_000,
    heartbeat_timeout_ms: 15_000,
    max_message_bytes: 16_777_216,
    max_result_bytes: 4_194_304,
    elsewhere: [],
  });
});

test('a chain of steps runs through a worker, each with the results of its parent', async () => {
  const template = templateOf({ first: [], second: ['first'] }, { each: { handler_class: 'Chain' } });
  const { engine, startWorker } = await serve({ database: home.database, templates: [template] });
  const worker = await startWorker(['Chain'], 2);
  worker.work(({ step_name }) => `{"by": "${step_name}"}`);
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('complete');
  expect(worker.assignments.map(({ parents }) => parents)).toEqual([
    [],
    [{ step_name: 'first', results_json: '{"by":"first"}' }],
  ]);
  expect(await statesOfSteps(home.database, taskId)).toEqual({ first: 'complete', second: 'complete' });
});

test('an assignment carries everything that a handler sees', async () => {
  const template = templateOf(
    { only: [] },
    { each: { handler_class: 'All', handler_config: { url: 'x' }, timeout_seconds: 30 } },
  );
  const { engine, startWorker } = await serve({ database: home.database, templates: [template] });
  const worker = await startWorker(['All']);
  const taskId = await create(engine, template, {
    context: { order_id: 7, name: 'Ä' },
    initiator: 'ann',
    tags: ['vip', 'traceparent:00-aa-bb-01', 'tracestate:v=1'],
  });
  const [assignment] = await worker.assigned(1);
  expect(assignment).toMatchObject({
    handler: 'All',
    step_name: 'only',
    attempt: 1,
    retry_limit: 3,
    inputs_json: '',
    results_json: '',
    handler_config_json: '{"url":"x"}',
    parents: [],
    timeout_ms: 30_000,
    trace_context: { traceparent: '00-aa-bb-01', tracestate: 'v=1' },
    task: {
      task_id: taskId,
      namespace_name: 'test',
      name: template.name,
      version: '0.1.0',
      initiator: 'ann',
    },
  });
  expect(JSON.parse(assignment?.task?.context_json ?? '')).toEqual({ order_id: 7, name: 'Ä' });
  expect(assignment?.task?.requested_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test('a failure is recorded with its code, its texts and what the handler had kept', async () => {
  const { engine, worker, held, taskId, stepId } = await oneHeld();
  worker.fail(held, {
    code: FailureCode.PERMANENT,
    error: 'declined\0',
    error_class: 'Payments::Declined',
    backtrace: 'pay.rb:1',
    error_code: 'card_declined',
    results_json: '{"tried": 1}',
  });
  expect(await engine.waitForTask(taskId)).toBe('error');
  expect((await stepColumns(home.database, stepId)).results).toEqual({
    tried: 1,
    error_code: 'card_declined',
    error: 'declined\uFFFD',
    error_class: 'Payments::Declined',
    backtrace: 'pay.rb:1',
  });
});

test('a retryable failure waits as long as the worker asks, at most a day', async () => {
  const { worker, held, stepId, engine } = await oneHeld();
  const failed = new Promise<unknown>((resolve) => void engine.on('step.failed', resolve));
  worker.fail(held, { code: FailureCode.RETRYABLE, retry_after_seconds: 1e9 });
  expect(await failed).toMatchObject({ code: 'retryable' });
  const { backoff_request_seconds: wait } = await stepColumns(home.database, stepId);
  expect([Number(wait) >= 86_400, Number(wait) < 100_000]).toEqual([true, true]); // with its jitter
});

test('a code that this engine does not know counts as a handler error', async () => {
  const { worker, held, engine } = await oneHeld();
  const failed = new Promise<unknown>((resolve) => void engine.on('step.failed', resolve));
  worker.fail(held, { code: 4711 as FailureCode });
  expect(await failed).toMatchObject({ code: 'handler_error', error: 'it broke' });
});

test('a step that is released goes to another worker, and no attempt is counted', async () => {
  const { worker, held, handler, startWorker, engine, taskId, stepId } = await oneHeld();
  worker.answer(held.claim_token, { $case: 'released', value: {} });
  const other = await startWorker([handler]);
  const [again] = await other.assigned(1);
  expect(again).toMatchObject({ attempt: 1 });
  if (again) other.complete(again);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await stepColumns(home.database, stepId)).toMatchObject({ attempts: 1 });
});

test('a step that its handler has completed in SQL is not recorded a second time', async () => {
  const { worker, held, engine, taskId, stepId } = await oneHeld();
  await home.database.query('select treadle.complete_step($1, $2)', [held.claim_token, '{"in": "sql"}']);
  worker.answer(held.claim_token, { $case: 'completed_in_transaction', value: {} });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  const trail = await trailOf(home.database, 'workflow_step', stepId);
  expect(trail.map(({ to_state }) => to_state)).toEqual(['in_progress', 'complete']);
  expect((await stepColumns(home.database, stepId)).results).toEqual({ in: 'sql' });
});

test.each([
  ['no JSON', '{', 'invalid_output'],
  ['an integer beyond 2^53', '{"n": 9007199254740993}', 'invalid_output'],
  ['an escaped NUL', String.raw`"\u0000"`, 'invalid_output'],
  ['more than 4 MiB', `"${'x'.repeat(4_194_304)}"`, 'results_too_large'],
])('results that are %s fail the step and leave the stream alone', async (_name, results, code) => {
  const { worker, held, engine, template, taskId } = await oneHeld();
  const failed = new Promise<unknown>((resolve) => void engine.on('step.failed', resolve));
  worker.complete(held, results, 1);
  expect(await failed).toMatchObject({ code });
  expect(await engine.waitForTask(taskId)).toBe('error');
  await create(engine, template, { context: { order_id: 2 } });
  expect(await worker.assigned(2)).toHaveLength(2);
});

test('an outcome for a claim of another worker changes nothing', async () => {
  const { worker, held, handler, startWorker, engine, taskId } = await oneHeld();
  const thief = await startWorker([handler], 0);
  thief.complete(held, '{"stolen": true}');
  const refusal = await thief.hears(({ $case }) => $case === 'refusals');
  expect(refusal.value).toEqual({ claim_tokens: [held.claim_token] });
  worker.complete(held, '{"mine": true}');
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect((await stepColumns(home.database, held.workflow_step_id)).results).toEqual({ mine: true });
});

test('a second outcome for the same claim is refused', async () => {
  const { worker, held, engine, taskId } = await oneHeld();
  worker.complete(held, '{"n": 1}');
  worker.complete(held, '{"n": 2}');
  await worker.hears(({ $case }) => $case === 'refusals');
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect((await stepColumns(home.database, held.workflow_step_id)).results).toEqual({ n: 1 });
});

test('a step that outlives its time is cancelled at its worker, and its late outcome is refused', async () => {
  const { worker, held } = await oneHeld({ timeout_seconds: 0.05 });
  const cancel = await worker.hears(({ $case }) => $case === 'cancel');
  expect(cancel.value).toMatchObject({ claim_token: held.claim_token, reason: 1 });
  worker.complete(held);
  const refusal = await worker.hears(({ $case }) => $case === 'refusals');
  expect(refusal.value).toEqual({ claim_tokens: [held.claim_token] });
});

test('a step of a cancelled task is withdrawn from its worker', async () => {
  const { worker, held, engine, taskId } = await oneHeld();
  await engine.cancelTask(taskId);
  const cancel = await worker.hears(({ $case }) => $case === 'cancel');
  expect(cancel.value).toMatchObject({ claim_token: held.claim_token, reason: 2 });
});

test('progress reaches whoever listens, within its limits', async () => {
  const { worker, held, engine } = await oneHeld();
  const told = new Promise<unknown>((resolve) => void engine.onProgress(resolve));
  const value = { claim_token: held.claim_token, fraction: 1.5, message: 'x'.repeat(2000) };
  worker.say({ $case: 'progress', value });
  expect(await told).toMatchObject({ step_name: 'only', fraction: 1, message: 'x'.repeat(1024) });
});

test('a step that fits into no message fails without its worker, and costs no credit', async () => {
  const template = templateOf({ big: [] }, { each: { handler_class: 'Big' } });
  const grpc = { maxMessageBytes: 300_000 };
  const { engine, startWorker } = await serve({ database: home.database, templates: [template], grpc });
  const worker = await startWorker(['Big'], 1);
  worker.work();
  const big = await runToEnd(engine, template, { context: { text: 'x'.repeat(300_000) } });
  expect(big.state).toBe('error');
  expect(await runToEnd(engine, template, { context: { text: 'x' } })).toMatchObject({ state: 'complete' });
  expect(worker.assignments).toHaveLength(1);
});

test('steps that fit only one by one come in as many messages', async () => {
  const template = templateOf({ part: [] }, { each: { handler_class: 'Part' } });
  const grpc = { maxMessageBytes: 300_000 };
  const { engine, startWorker } = await serve({ database: home.database, templates: [template], grpc });
  const { namespace_name, name } = template;
  const contexts = [1, 2, 3, 4].map((n) => ({ n, text: 'x'.repeat(200_000) }));
  const tasks = await engine.createTasks(contexts.map((context) => ({ namespace_name, name, context })));
  const worker = await startWorker(['Part'], 4);
  worker.work();
  await Promise.all(tasks.map(({ task_id }) => engine.waitForTask(task_id)));
  expect(worker.all('assignments').map(({ assignments }) => assignments.length)).toEqual([1, 1, 1, 1]);
});
