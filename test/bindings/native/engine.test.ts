// Steps go to Python in the engine's own process and come back, beside handlers in TypeScript and with all that the engine
// keeps: time-outs, cancellations, stops.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pino } from 'pino';
import { NativeWorker } from '../../../bindings/native/native-worker.ts';
import type { Engine } from '../../../engine/engine.ts';
import type { TaskTemplate } from '../../../core/template/template.ts';
import { create, runToEnd, startEngine, type Works } from '../../support/engines.ts';
import { stepIdsOf, templateOf } from '../../support/factories.ts';
import { NATIVE_HANDLERS, nativePython } from '../../support/native.ts';
import { testDatabase } from '../../support/postgres.ts';
import { statesOfSteps, trailOf } from '../../support/trail.ts';

const { environment, skipped } = await nativePython();
const home = testDatabase();
let worker: NativeWorker;

beforeAll(async () => {
  if (skipped !== undefined) return;
  const log = pino({ level: 'silent' });
  const modules = ['native_handlers'];
  worker = await NativeWorker.start({
    language: 'python',
    modules,
    environment,
    directory: NATIVE_HANDLERS,
    concurrency: 2,
    log,
    logLevel: 'error',
  });
});
afterAll(async () => worker?.stop());

/** An engine whose steps in Python run here. */
async function serving(template: TaskTemplate, works: Works = {}): Promise<Engine> {
  const engine = await startEngine({ database: home.database, templates: [template], works });
  worker.connect(engine);
  return engine;
}

test.skipIf(skipped)(
  'a task goes through TypeScript and Python, from a thread to the event loop',
  async () => {
    const template = templateOf(
      { first: [], second: ['first'], third: ['second'] },
      { steps: { second: { handler_class: 'Echo' }, third: { handler_class: 'AsyncEcho' } } },
    );
    const engine = await serving(template, { first: () => ({ from: 'typescript' }) });
    const { taskId, state } = await runToEnd(engine, template, { context: { order_id: 7 } });
    expect(state).toBe('complete');
    expect(await statesOfSteps(home.database, taskId)).toEqual({
      first: 'complete',
      second: 'complete',
      third: 'complete',
    });
  },
);

test.skipIf(skipped)('more steps than there are slots all run', async () => {
  const names = Array.from({ length: 50 }, (_, place) => `step_${place}`);
  const shape = Object.fromEntries(names.map((name) => [name, []]));
  const template = templateOf(shape, { each: { handler_class: 'Echo' } });
  const engine = await serving(template);
  expect((await runToEnd(engine, template)).state).toBe('complete');
});

test.skipIf(skipped)('a step that is too slow is timed out, and its slot is free again', async () => {
  const template = templateOf(
    { only: [] },
    { each: { handler_class: 'Spins', timeout_seconds: 0.2, default_retry_limit: 1 } },
  );
  const engine = await serving(template);
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('error');
  const stepId = (await stepIdsOf(home.database, taskId))['only'] ?? 0;
  const trail = await trailOf(home.database, 'workflow_step', stepId);
  expect(trail.at(-1)?.metadata).toMatchObject({ code: 'timed_out' });
});

test.skipIf(skipped)('an engine that stops gives back what Python does not end', async () => {
  const template = templateOf({ only: [] }, { each: { handler_class: 'Burns' } });
  const engine = await serving(template);
  const began = new Promise((resolve) => engine.on('step.before_handle', resolve));
  const taskId = await create(engine, template, { context: { seconds: 5 } });
  await began;
  await engine.stop({ graceSeconds: 0 });
  const stepId = (await stepIdsOf(home.database, taskId))['only'] ?? 0;
  const trail = await trailOf(home.database, 'workflow_step', stepId);
  expect(trail.at(-1)?.metadata).toMatchObject({ code: 'released', retry_available: true });
});
