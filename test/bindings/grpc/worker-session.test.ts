// The life of a worker's stream: what the protocol allows, and what becomes of steps when a stream ends, however it ends.
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { create, eventually, Signal } from '../../support/engines.ts';
import { stepIdsOf, templateOf, uniqueName } from '../../support/factories.ts';
import { serve, type ServeOptions } from '../../support/grpc-servers.ts';
import type { GrpcWorker, Said } from '../../support/grpc-worker.ts';
import { testDatabase } from '../../support/postgres.ts';
import { statesOfSteps, statesThrough, stepColumns } from '../../support/trail.ts';

const home = testDatabase();

/** One task of one step, whose attempt a worker holds. */
async function oneHeld(options: Partial<ServeOptions> = {}) {
  const handler = uniqueName('Held');
  const template = templateOf({ only: [] }, { each: { handler_class: handler } });
  const served = await serve({ database: home.database, templates: [template], ...options });
  const worker = await served.startWorker([handler]);
  const taskId = await create(served.engine, template);
  const [held] = await worker.assigned(1);
  if (!held) throw new Error('nothing was assigned');
  const stepId = (await stepIdsOf(home.database, taskId))['only'] ?? 0;
  return { ...served, handler, template, worker, taskId, stepId, held };
}

/** Runs what another worker has lost, and says through which states the step went. */
async function runElsewhere({
  startWorker,
  engine,
  handler,
  taskId,
  stepId,
}: Awaited<ReturnType<typeof oneHeld>>) {
  const other = await startWorker([handler]);
  other.work();
  expect(await engine.waitForTask(taskId)).toBe('complete');
  return statesThrough(home.database, 'workflow_step', stepId);
}

const LOST = ['in_progress', 'error', 'pending', 'in_progress', 'complete'];
const register = (value: object = {}): Said => ({
  $case: 'register',
  value: {
    name: 'w',
    handlers: ['A'],
    language: 'x',
    language_version: '',
    package_version: '',
    capacity: 1,
    labels: {},
    ...value,
  },
});

test.each<[string, Said[], RegExp]>([
  [
    'anything before register',
    [{ $case: 'heartbeat', value: {} }],
    /^expected register as the first message, came heartbeat$/,
  ],
  ['register twice', [register(), register()], /^expected register only once$/],
  ['no handlers', [register({ handlers: [] })], /^register: handlers: /],
  ['a name of 256 characters', [register({ name: 'x'.repeat(256) })], /^register: name: /],
  [
    '10,001 handlers',
    [register({ handlers: Array.from({ length: 10_001 }, String) })],
    /^register: handlers: /,
  ],
  ['capacity 0', [register({ capacity: 0 })], /^register: capacity: /],
  [
    '65 labels',
    [register({ labels: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [n, ''])) })],
    /^register: labels: /,
  ],
  [
    'no credits',
    [register(), { $case: 'credits', value: { additional: 0 } }],
    /^credits: expected at least 1/,
  ],
  [
    '100,001 credits',
    [register(), { $case: 'credits', value: { additional: 100_001 } }],
    /^expected at most 100000 open credits/,
  ],
  [
    'outcomes of nothing',
    [register(), { $case: 'outcomes', value: { outcomes: [], additional_credits: 1 } }],
    /^outcomes: expected at least one$/,
  ],
  [
    'an outcome that says nothing',
    [
      register(),
      {
        $case: 'outcomes',
        value: { outcomes: [{ claim_token: 'x', result: undefined, duration_us: 0 }], additional_credits: 0 },
      },
    ],
    /^outcomes: expected what the attempt ended in/,
  ],
])('%s is INVALID_ARGUMENT', async (_name, said, details) => {
  const { newWorker } = await serve({ database: home.database, templates: [] });
  const worker = newWorker();
  for (const message of said) worker.say(message);
  expect(await worker.ended).toEqual({
    code: 'INVALID_ARGUMENT',
    details: expect.stringMatching(details) as string,
  });
});

test('a worker that breaks the protocol loses its steps at once, and they run elsewhere', async () => {
  const situation = await oneHeld();
  situation.worker.say(register());
  expect(await runElsewhere(situation)).toEqual(LOST);
});

test('a message over the limit costs its worker the stream, and what it held runs elsewhere', async () => {
  const situation = await oneHeld({ grpc: { maxMessageBytes: 300_000 } });
  situation.worker.say({ $case: 'drain', value: { reason: 'x'.repeat(300_000) } });
  expect(await situation.worker.ended).toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
  expect(await runElsewhere(situation)).toEqual(LOST);
});

test('a stream that breaks fails the attempts of its steps with worker_lost, and they run elsewhere', async () => {
  const situation = await oneHeld();
  const failed = new Promise<unknown>((resolve) => void situation.engine.on('step.failed', resolve));
  situation.worker.break();
  expect(await failed).toMatchObject({
    code: 'worker_lost',
    attempt: 1,
    error: expect.stringMatching(/its stream broke$/) as string,
  });
  expect(await runElsewhere(situation)).toEqual(LOST);
});

test('a worker that is not heard is cut off, and its steps run elsewhere', async () => {
  const situation = await oneHeld({ grpc: { heartbeat: { intervalMs: 50, timeoutMs: 200 } } });
  expect(await situation.worker.ended).toEqual({
    code: 'DEADLINE_EXCEEDED',
    details: 'nothing was heard for 200 ms',
  });
  expect(await runElsewhere(situation)).toEqual(LOST);
});

test('heartbeats alone keep a stream', async () => {
  const { worker, held, engine, taskId } = await oneHeld({
    grpc: { heartbeat: { intervalMs: 50, timeoutMs: 400 } },
  });
  const beating = setInterval(() => worker.say({ $case: 'heartbeat', value: {} }), 50);
  const since = performance.now();
  await new Promise<void>((resolve) => void setTimeout(resolve, 900)); // time itself is what is tested
  clearInterval(beating);
  worker.complete(held);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(performance.now() - since).toBeGreaterThan(800);
});

test('a worker that leaves answers what it holds, and the stream ends with OK when that is on disk', async () => {
  const { worker, held, taskId } = await oneHeld();
  worker.say({ $case: 'drain', value: { reason: 'deployed' } });
  worker.complete(held);
  worker.halfClose();
  expect(await worker.ended).toMatchObject({ code: 'OK' });
  expect(await statesOfSteps(home.database, taskId)).toEqual({ only: 'complete' });
});

test('a worker that has drained gets nothing more', async () => {
  const { worker, held, engine, template, handler, startWorker } = await oneHeld();
  worker.say({ $case: 'drain', value: { reason: 'deployed' } });
  worker.complete(held, '{}', 5);
  const next = await create(engine, template, { context: { order_id: 2 } });
  const other = await startWorker([handler]);
  other.work();
  expect(await engine.waitForTask(next)).toBe('complete');
  expect(worker.assignments).toHaveLength(1);
});

test('a worker that closes its half while it holds a step has lost it', async () => {
  const situation = await oneHeld();
  situation.worker.halfClose();
  expect(await situation.worker.ended).toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(await runElsewhere(situation)).toEqual(LOST);
});

test('an engine that stops lets its workers finish, and sends them away', async () => {
  const { worker, held, engine, taskId } = await oneHeld();
  const stopped = engine.stop();
  await worker.hears(({ $case }) => $case === 'drain');
  worker.complete(held);
  expect(await worker.ended).toMatchObject({ code: 'UNAVAILABLE' });
  expect(await stopped).toMatchObject({ ended: 1 });
  expect(await statesOfSteps(home.database, taskId)).toEqual({ only: 'complete' });
});

test('a step that outlives the grace of the engine is told so, and goes back without an attempt counted', async () => {
  const { worker, engine, stepId } = await oneHeld();
  const stopped = engine.stop({ graceSeconds: 0 });
  const cancel = await worker.hears(({ $case }) => $case === 'cancel');
  expect(cancel.value).toMatchObject({ reason: 3 });
  expect(await stopped).toMatchObject({ givenBack: 1 });
  expect(await stepColumns(home.database, stepId)).toMatchObject({ attempts: 0 });
});

test('nobody registers at an engine that has stopped', async () => {
  const { engine, newWorker } = await serve({ database: home.database, templates: [] });
  await engine.stop();
  const worker = newWorker();
  worker.say(register());
  expect(await worker.ended).toMatchObject({ code: 'UNAVAILABLE' });
});

test('a server that stops waits for its workers no longer than its grace', async () => {
  const { worker, server, held, stepId } = await oneHeld();
  const since = performance.now();
  await server.stop({ graceSeconds: 0.2 });
  expect(performance.now() - since).toBeLessThan(3_000);
  expect(await worker.ended).toMatchObject({ code: 'UNAVAILABLE' });
  expect(held.attempt).toBe(1);
  const recorded = await eventually(
    () => stepColumns(home.database, stepId),
    ({ attempts }) => attempts === 1,
  );
  expect(recorded.results).toMatchObject({ error_class: 'Treadle::WorkerLost' });
});

/** Completes what it holds one by one, each when it is told to. */
function slowly(worker: GrpcWorker, most: { open: number }, done: Signal, steps: number): void {
  let answered = 0;
  const next = (): void => {
    most.open = Math.max(most.open, worker.assignments.length - answered);
    const held = worker.assignments[answered];
    if (held) worker.complete(held, '{}', 1);
    if (held) answered += 1;
    if (answered === steps) done.happen();
    else setImmediate(next);
  };
  next();
}

test('a slow worker never holds more steps than its credits, however many are ready', async () => {
  const handler = uniqueName('Many');
  const names = Array.from({ length: 2_000 }, (_, n) => `part_${n}`);
  const template = templateOf(Object.fromEntries(names.map((name) => [name, []])), {
    each: { handler_class: handler },
  });
  const { engine, startWorker } = await serve({ database: home.database, templates: [template] });
  const worker = await startWorker([handler], 7);
  const [most, done] = [{ open: 0 }, new Signal()];
  slowly(worker, most, done, names.length);
  const taskId = await create(engine, template);
  await done.happened;
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(most.open).toBeLessThanOrEqual(7);
  expect(worker.assignments).toHaveLength(2_000);
});
