// Templates that say where a handler runs: only that runtime gets its steps, everybody else who offers it is told, and no two
// templates contradict each other.
import { beforeEach, expect, test } from 'vitest';
import type { EngineOptions } from '../../engine/options.ts';
import type { Runtime } from '../../core/vocabulary.ts';
import { listWorkers } from '../../sql/diagnosis.ts';
import { explainSteps, unservedHandlers } from '../../sql/reports.ts';
import { create, eventually, runToEnd, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf, uniqueName } from '../support/factories.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';
import { connectWorker } from '../support/remote-workers.ts';

const home = testDatabase();

/** A handler of its own for each test. */
let handler = '';
beforeEach(() => {
  handler = uniqueName('Charge');
});

const saying = (runtime: Runtime | undefined, more: { name?: string; version?: string } = {}) =>
  templateOf({ only: [] }, { ...more, each: { handler_class: handler, ...(runtime ? { runtime } : {}) } });

/** An engine with a class for the handler, and what its log says. */
async function engineWithClass(options: Partial<EngineOptions> = {}) {
  const book = new LogBook();
  const works = { [handler]: () => ({ by: 'typescript' }) };
  const engine = await startEngine({ database: home.database, works, log: book.log, ...options });
  return { engine, book };
}

const answers = () => ({ kind: 'complete', results: { by: 'native' } }) as const;

test('steps go to the runtime that the template names, past the class of this process, and the log says so', async () => {
  const template = saying('native-python');
  const { engine, book } = await engineWithClass({ templates: [template] });
  const native = connectWorker(engine, { runtime: 'native-python', handlers: [handler], answers });
  const { state } = await runToEnd(engine, template);
  expect([state, native.assigned.length]).toEqual(['complete', 1]);
  const words = `templates send handlers past the classes of this process: ${handler} to native-python (test/${template.name}@0.1.0)`;
  expect(book.messages(/templates send/)).toEqual([words]);
});

test('a handler for which no template names a runtime is served wherever it is offered', async () => {
  const template = saying(undefined);
  const { engine, book } = await engineWithClass({ templates: [template] });
  const worker = connectWorker(engine, { handlers: [handler] });
  expect(worker.worker.elsewhere).toEqual([]);
  expect((await runToEnd(engine, template)).state).toBe('complete');
  expect(book.messages(/templates send/)).toEqual([]);
});

test('a worker gets its other handlers when templates send one of them elsewhere', async () => {
  const other = uniqueName('Ship');
  const template = templateOf(
    { charge: [], ship: [] },
    { steps: { charge: { handler_class: handler, runtime: 'native-ruby' }, ship: { handler_class: other } } },
  );
  const book = new LogBook();
  const engine = await startEngine({
    database: home.database,
    works: {},
    templates: [template],
    log: book.log,
  });
  const worker = connectWorker(engine, { name: 'one', handlers: [handler, other], credits: 10, answers });
  expect(book.messages(/past the worker one: .* to native-ruby/)).toHaveLength(1);
  const taskId = await create(engine, template);
  await worker.assignment('ship');
  expect(worker.worker.elsewhere).toMatchObject([{ handler, runtime: 'native-ruby' }]);
  connectWorker(engine, { runtime: 'native-ruby', handlers: [handler], answers });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(worker.assigned.map(({ step }) => step.step_name)).toEqual(['ship']);
});

test('another engine lets go of a handler as soon as a template sends it elsewhere', async () => {
  const { book } = await engineWithClass();
  const other = await startEngine({ database: home.database, works: {} });
  await other.registerTemplates([saying('worker')]);
  await book.says(/past the classes of this process: .* to worker/);
  await eventually(
    () => listWorkers(home.database),
    (workers) => workers.every(({ handlers }) => !handlers.includes(handler)),
  );
});

test('steps wait when nobody has the runtime, and the report of handlers that nobody serves names it', async () => {
  const template = saying('native-python');
  const { engine } = await engineWithClass({ templates: [template] });
  const taskId = await create(engine, template);
  const unserved = await eventually(
    async () => (await unservedHandlers(home.database)).filter((one) => one.handler === handler),
    ([one]) => one?.ready_steps === 1,
  );
  expect(unserved).toEqual([
    { handler, templates: [`test/${template.name}@0.1.0`], ready_steps: 1, runtime: 'native-python' },
  ]);
  const [stepId = 0] = Object.values(await stepIdsOf(home.database, taskId));
  expect((await explainSteps(home.database, [stepId])).get(stepId)).toBe(
    `ready, but no live worker serves its handler "${handler}", which runs as native-python`,
  );
});

test('the latest version of a template speaks: one that names no runtime frees the handler', async () => {
  const template = saying('native-python', { name: uniqueName('order'), version: '1.0.0' });
  const { engine } = await engineWithClass({ templates: [template] });
  const taskId = await create(engine, template);
  await engine.registerTemplates([saying(undefined, { name: template.name, version: '1.1.0' })]);
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('two templates that name different runtimes for one handler are refused, with both named', async () => {
  const [first, second] = [saying('native-python'), saying('worker')];
  const engine = await startEngine({ database: home.database, works: {}, templates: [first] });
  const expected =
    `expected one runtime for the handler ${handler} in all templates, came native-python (test/${first.name}@0.1.0) ` +
    `and worker (test/${second.name}@0.1.0): change it in all of them together, or leave it out in some`;
  await expect(engine.registerTemplates([second])).rejects.toMatchObject({
    code: 'invalid_template',
    message: expected,
  });
  await expect(create(engine, second)).rejects.toMatchObject({ code: 'unknown_template' });
});

test('templates that share a handler can change its runtime together', async () => {
  const templates = [saying('native-python'), saying('native-python')];
  const { engine } = await engineWithClass({ templates });
  await engine.registerTemplates(templates.map(({ name }) => saying('typescript', { name })));
  for (const { name } of templates)
    expect((await runToEnd(engine, saying(undefined, { name }))).state).toBe('complete');
});

test('the environment decides which runtime counts', async () => {
  const overlay = { production: { step_templates: [{ name: 'only', runtime: 'native-python' }] } };
  const template = { ...saying('typescript'), environments: overlay };
  const { engine } = await engineWithClass({ templates: [template], environment: 'production' });
  expect(connectWorker(engine, { handlers: [handler] }).worker.elsewhere).toMatchObject([
    { runtime: 'native-python' },
  ]);
});
