// Engines come and go, alone, in pairs and by `kill -9`: no step is lost, none is recorded twice.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import type { TaskTemplate } from '../../core/template/template.ts';
import { InMemoryQueue } from '../../engine/queue/in-memory.ts';
import { create, eventually, newEngine, runToEnd, Signal, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf, writeAsRails, type Shape } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { createTestDatabase, testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, statesThrough, trailOf } from '../support/trail.ts';

const home = testDatabase();

test('a fan-in of 200 runs its last step once, after all the others', async () => {
  const parents = Array.from({ length: 200 }, (_, index) => `part_${index}`);
  const shape: Shape = { ...Object.fromEntries(parents.map((name) => [name, []])), sum: parents };
  const template = templateOf(shape, {
    each: { handler_class: 'part' },
    steps: { sum: { handler_class: 'sum' } },
  });
  const sums: number[] = [];
  const works = {
    part: () => 1,
    sum: ({ sequence }: { sequence: { names: () => string[] } }) => sums.push(sequence.names().length),
  };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
  expect(sums).toEqual([200]);
});

test('stop lets running steps end and claims nothing more', async () => {
  const template = templateOf({ first: [], second: ['first'] });
  const [running, release] = [new Signal(), new Signal()];
  const works = {
    first: async () => {
      running.happen();
      await release.happened;
    },
    second: () => 'too late',
  };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const taskId = await create(engine, template);
  await running.happened;
  const stopped = engine.stop();
  release.happen();
  await stopped;
  expect(await statesOfSteps(home.database, taskId)).toEqual({ first: 'complete', second: 'pending' });
});

test('stop tells steps that outlive the grace to end, and records that they failed', async () => {
  const template = templateOf({ endless: [] });
  const running = new Signal();
  const endless = ({ signal }: { signal: AbortSignal }) => {
    running.happen();
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('told to stop')), { once: true });
    });
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { endless } });
  const taskId = await create(engine, template);
  await running.happened;
  await engine.stop({ graceSeconds: 0 });
  expect(await statesOfSteps(home.database, taskId)).toEqual({ endless: 'error' });
});

test('an engine that owns its database can be stopped twice', async () => {
  const engine = await startEngine({ database: home.url, works: {} });
  const stopped = await engine.stop();
  expect(await engine.stop()).toBe(stopped);
});

test('what an engine left undone is done by the next', async () => {
  const template = templateOf({ first: [], second: ['first'] });
  const [running, release] = [new Signal(), new Signal()];
  const first = async () => {
    running.happen();
    await release.happened;
  };
  const works = { first, second: () => 'done' };
  const one = await startEngine({ database: home.database, templates: [template], works });
  const taskId = await create(one, template);
  await running.happened;
  const stopped = one.stop();
  release.happen();
  await stopped;
  const two = await startEngine({ database: home.database, templates: [template], works });
  expect(await two.waitForTask(taskId)).toBe('complete');
});

test('two engines on one database share the work and no attempt runs twice', async () => {
  const template = templateOf({ first: [], second: ['first'], third: ['second'] });
  const both = new Set<string>();
  const [together, runs] = [new Signal(), [] as string[]];
  const worksOf = (engine: string) => {
    const work = async ({ step }: { step: { workflow_step_id: number; attempt: number } }) => {
      runs.push(`${step.workflow_step_id}/${step.attempt}`);
      if (both.add(engine).size === 2) together.happen();
      await together.happened;
    };
    return { first: work, second: work, third: work };
  };
  const options = { database: home.database, templates: [template], concurrency: 5 };
  const one = await startEngine({ ...options, works: worksOf('one') });
  await startEngine({ ...options, works: worksOf('two') });
  const { namespace_name, name } = template;
  const requests = Array.from({ length: 30 }, (_, n) => ({ namespace_name, name, context: { n } }));
  const tasks = await one.createTasks(requests);
  const states = await Promise.all(tasks.map(({ task_id }) => one.waitForTask(task_id)));
  expect(new Set(states)).toEqual(new Set(['complete']));
  expect([runs.length, new Set(runs).size]).toEqual([90, 90]);
});

/** An engine in a process of its own, whose steps never end. Resolves when the first of them has begun. */
async function processThatHangs(template: TaskTemplate, leaseSeconds: number, start: () => Promise<unknown>) {
  const script = join(import.meta.dirname, '..', 'support', 'engine-process.ts');
  const args = ['--import', 'tsx', script, home.url, JSON.stringify(template), String(leaseSeconds)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const begun = once(createInterface(child.stdout), 'line');
  await start();
  await begun;
  return child;
}

test('a process that is killed loses nothing: another takes its steps back', async () => {
  const template = templateOf({ first: [], second: ['first'] }, { each: { backoff: { base_seconds: 0 } } });
  const works = { first: () => 'done', second: () => 'done' };
  const waiting = newEngine({ database: home.database, templates: [template], works, leaseSeconds: 0.6 });
  let taskId = 0;
  const child = await processThatHangs(template, 0.6, async () => {
    await waiting.registerTemplates([template]);
    await home.database.query('create schema if not exists graphile_worker');
    taskId = await create(waiting, template);
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await waiting.start();
  expect(await waiting.waitForTask(taskId)).toBe('complete');
  const step = (await stepIdsOf(home.database, taskId))['first'] ?? 0;
  const states = await statesThrough(home.database, 'workflow_step', step);
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress', 'complete']);
  const [, lost] = await trailOf(home.database, 'workflow_step', step);
  expect(lost?.metadata).toMatchObject({
    code: 'worker_lost',
    triggered_by: 'recovery',
    retry_available: true,
  });
});

test('with a queue that forgets, the next engine picks up what was not finished', async () => {
  const template = templateOf({ print: [] });
  const options = { database: home.database, templates: [template], works: { print: () => 'printed' } };
  const one = newEngine({ ...options, queue: new InMemoryQueue() });
  await one.registerTemplates([template]);
  const taskId = await create(one, template);
  const two = await startEngine({ ...options, queue: new InMemoryQueue() });
  expect(await two.waitForTask(taskId)).toBe('complete');
});

test('with a queue that forgets, a retry that waited at the restart still comes at its time', async () => {
  const backoff = { base_seconds: 0.5, factor: 1, max_seconds: 1, jitter: 0 };
  const template = templateOf({ flaky: [] }, { each: { backoff } });
  const flaky = ({ step }: { step: { attempt: number } }) => {
    if (step.attempt === 1) throw new Error('not yet');
  };
  const options = { database: home.database, templates: [template], works: { flaky } };
  const one = await startEngine({ ...options, queue: new InMemoryQueue() });
  const taskId = await create(one, template);
  await eventually(
    () => stateOfTask(home.database, taskId),
    (state) => state === 'pending',
  );
  await eventually(
    () => statesOfSteps(home.database, taskId),
    (states) => states['flaky'] === 'error',
  );
  await one.stop();
  const two = await startEngine({ ...options, queue: new InMemoryQueue() });
  expect(await two.waitForTask(taskId)).toBe('complete');
  const states = await statesThrough(home.database, 'task', taskId);
  expect(states).toEqual(['in_progress', 'pending', 'in_progress', 'complete']);
});

test('a foreign write wakes an engine with a queue that forgets as well', async () => {
  const { database, drop } = await createTestDatabase();
  onTestFinished(drop);
  const template = templateOf({ nobody: [] });
  const engine = await startEngine({
    database,
    templates: [template],
    works: {},
    queue: new InMemoryQueue(),
  });
  const taskId = await create(engine, template);
  await eventually(
    () => stateOfTask(database, taskId),
    (state) => state === 'in_progress',
  );
  const step = (await stepIdsOf(database, taskId))['nobody'] ?? 0;
  await writeAsRails(database, 'workflow_step', step, 'resolved_manually');
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('whatever fails, on two engines with other hands in between, every task ends', async () => {
  const shape = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: [] };
  const backoff = { base_seconds: 0.01, factor: 1, max_seconds: 0.01, jitter: 0 };
  const template = templateOf(shape, { each: { handler_class: 'dice', backoff, default_retry_limit: 2 } });
  const dice = () => {
    if (Math.random() < 0.25) throw new Error('bad luck');
  };
  const options = { database: home.database, templates: [template], works: { dice }, concurrency: 20 };
  const [one] = [await startEngine(options), await startEngine(options)];
  const { namespace_name, name } = template;
  const tasks = await one.createTasks(
    Array.from({ length: 60 }, (_, n) => ({ namespace_name, name, context: { n } })),
  );
  const ended = tasks.map(({ task_id }) => one.waitForTask(task_id));
  await resolveEverySecondFailure(tasks.map(({ task_id }) => task_id));
  const states = new Set(await Promise.all(ended));
  expect([...states].filter((state) => state !== 'complete' && state !== 'error')).toEqual([]);
});

/** A person in a console, while the engines run. A step may move on under the hand: then Postgres says so. */
async function resolveEverySecondFailure(taskIds: readonly number[]): Promise<void> {
  const failed = await home.database.query<{ id: number }>(
    `select workflow_step_id as id
     from tasker_workflow_step_transitions
     join tasker_workflow_steps using (workflow_step_id)
     where task_id = any ($1) and most_recent and to_state = 'error' and workflow_step_id % 2 = 0`,
    [taskIds],
  );
  for (const { id } of failed) {
    await home.database
      .transaction((tx) => writeAsRails(tx, 'workflow_step', id, 'resolved_manually'))
      .catch(() => {});
  }
}

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
