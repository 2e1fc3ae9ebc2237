// Stopping: what runs may end, what does not end is given back unharmed, and the process ends in bounded time whatever
// happens. The last line of its log and its exit status say how it went.
import { expect, onTestFinished, test } from 'vitest';
import { Database } from '../../sql/database.ts';
import { migrate } from '../../sql/migrate.ts';
import { killPostmaster, newProject, startIn } from '../support/clusters.ts';
import { create, Signal, startEngine, untilAborted } from '../support/engines.ts';
import { stepIdsOf, templateOf, uniqueName } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesThrough, stepColumns, trailOf } from '../support/trail.ts';
import { startWorker, type Worker } from '../support/workers.ts';

const home = testDatabase();

async function onlyStep(taskId: number): Promise<number> {
  const [id] = Object.values(await stepIdsOf(home.database, taskId));
  if (id === undefined) throw new Error(`task ${taskId} has no step`);
  return id;
}

/** An engine with one step that has begun, and whose handler does this. */
async function busyEngine(work: (context: { signal: AbortSignal }) => unknown, database = home.database) {
  const handler = uniqueName('busy'); // what another test gave back must not come here
  const template = templateOf({ busy: [] }, { each: { handler_class: handler } });
  const [begun, book] = [new Signal(), new LogBook()];
  const busy = (context: { signal: AbortSignal }) => {
    begun.happen();
    return work(context);
  };
  const engine = await startEngine({
    database,
    templates: [template],
    works: { [handler]: busy },
    log: book.log,
  });
  const taskId = await create(engine, template);
  await begun.happened;
  return { engine, template, handler, taskId, book };
}

test('a step whose handler does not heed its signal is given back: no attempt is counted', async () => {
  const { engine, taskId, book } = await busyEngine(() => new Promise(() => {}));
  const report = await engine.stop({ graceSeconds: 0 });
  expect(report).toEqual({ ended: 0, givenBack: 1, unrecorded: 0 });
  const step = await onlyStep(taskId);
  expect(await stepColumns(home.database, step)).toMatchObject({ attempts: 0 });
  expect((await trailOf(home.database, 'workflow_step', step))[1]?.metadata).toMatchObject({
    code: 'released',
  });
  expect(book.lines.at(-1)?.msg).toBe('stopped: 0 steps ended, 1 given back');
});

test('a step that was given back runs at once in another engine, as the attempt that it was', async () => {
  const { engine, template, handler, taskId } = await busyEngine(() => new Promise(() => {}));
  const attempts: number[] = [];
  const busy = ({ step }: { step: { attempt: number } }) => attempts.push(step.attempt);
  const never = 2 ** 31 - 1; // it must be told
  const options = { database: home.database, templates: [template], pollIntervalMs: never };
  const other = await startEngine({ ...options, works: { [handler]: busy } });
  await engine.stop({ graceSeconds: 0 });
  expect(await other.waitForTask(taskId)).toBe('complete');
  expect(attempts).toEqual([1]);
  const states = await statesThrough(home.database, 'workflow_step', await onlyStep(taskId));
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress', 'complete']);
  expect(await statesThrough(home.database, 'task', taskId)).toEqual(['in_progress', 'complete']);
});

test('a handler that heeds its signal has a moment to end in its own way', async () => {
  const { engine, taskId } = await busyEngine(async ({ signal }) => {
    await untilAborted(signal).catch(() => {});
    return 'wound up';
  });
  expect(await engine.stop({ graceSeconds: 0 })).toEqual({ ended: 1, givenBack: 0, unrecorded: 0 });
  expect(await stepColumns(home.database, await onlyStep(taskId))).toMatchObject({ results: 'wound up' });
});

test('a second stop ends the grace of the first', async () => {
  const { engine } = await busyEngine(({ signal }) => untilAborted(signal));
  const first = engine.stop({ graceSeconds: 3600 });
  const second = engine.stop({ graceSeconds: 0 });
  expect(await first).toBe(await second);
});

test('an engine ends also while Postgres is away, and says what it could not record', async () => {
  const { url, home: cluster } = await startIn(newProject());
  const database = new Database({ url });
  onTestFinished(() => database.close());
  await migrate(database);
  const release = new Signal();
  const { engine, book } = await busyEngine(() => release.happened, database);
  await killPostmaster(cluster);
  release.happen();
  await book.says(/Postgres is away/);
  expect(await engine.stop({ graceSeconds: 0 })).toEqual({ ended: 0, givenBack: 0, unrecorded: 1 });
  expect(book.lines.at(-1)?.msg).toBe(
    'stopped: 0 steps ended, 0 given back, 1 not recorded: others run them again',
  );
});

/** A process with one step that has begun, under this handler. */
async function busyWorker(
  handler: string,
  graceSeconds: number,
): Promise<{ worker: Worker; taskId: number }> {
  const template = templateOf({ busy: [] }, { each: { handler_class: handler } });
  const orders = { url: home.url, templates: [template], graceSeconds, briefMs: 200 };
  const worker = await startWorker(orders);
  const creator = await startEngine({ database: home.database, templates: [template], works: {} });
  const taskId = await create(creator, template);
  await worker.begins('busy');
  return { worker, taskId };
}

const lastMessage = (worker: Worker): string | undefined => worker.lines.at(-1)?.msg;

test('SIGTERM lets a step end; the process ends with 0 and says so', async () => {
  const { worker, taskId } = await busyWorker('brief', 3600);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(lastMessage(worker)).toBe('stopped: 1 step ended, 0 given back');
  expect(await stepColumns(home.database, await onlyStep(taskId))).toMatchObject({ results: 'done' });
});

test('a second SIGTERM hurries: what does not end is given back', async () => {
  const { worker } = await busyWorker('deaf', 3600);
  worker.kill('SIGTERM');
  await worker.says(({ msg }) => msg?.startsWith('SIGTERM') === true);
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(0);
  expect(lastMessage(worker)).toBe('stopped: 0 steps ended, 1 given back');
});

test('Ctrl-C ends the process in the same way, with 130', async () => {
  const { worker } = await busyWorker('heeding', 0);
  worker.kill('SIGINT');
  expect(await worker.exited).toBe(130);
  expect(lastMessage(worker)).toBe('stopped: 1 step ended, 0 given back');
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
