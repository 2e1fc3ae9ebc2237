// Short steps write their start and their end at once, long ones are shown as in progress while they run; engines that do
// so and engines that do not work side by side on the same tasks.
import { expect, test } from 'vitest';
import type { Engine } from '../../engine/engine.ts';
import { create, eventually, runToEnd, Signal, startEngine, untilAborted } from '../support/engines.ts';
import { stepIdsOf, templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, statesThrough, trailOf } from '../support/trail.ts';

const home = testDatabase();

async function trailsOf(taskId: number): Promise<string[][]> {
  const ids = Object.values(await stepIdsOf(home.database, taskId));
  return Promise.all(ids.map((id) => statesThrough(home.database, 'workflow_step', id)));
}

test('engines with and without late starts share the steps of the same tasks', async () => {
  const shape = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'], e: ['d'] };
  const template = templateOf(shape, { each: { handler_class: 'work' } });
  const options = { database: home.url, works: { work: () => ({ done: true }) }, templates: [template] };
  const first = await startEngine({ ...options, fuseMs: 0, concurrency: 3 });
  await startEngine({ ...options, fuseMs: 50, concurrency: 3 });
  const taskIds = await Promise.all(Array.from({ length: 30 }, () => create(first, template, unlike())));
  for (const taskId of taskIds) expect(await first.waitForTask(taskId)).toBe('complete');
  for (const taskId of taskIds) {
    for (const trail of await trailsOf(taskId)) expect(trail).toEqual(['in_progress', 'complete']);
  }
  expect(await violations(home.database)).toEqual([]);
});

let requests = 0;

/** A request that equals no other. */
function unlike() {
  requests += 1;
  return { context: { order_id: requests } };
}

test('a short step has both of its rows, the start before the end', async () => {
  const template = templateOf({ brief: [] });
  const engine = await startEngine({
    database: home.url,
    works: { brief: () => ({}) },
    templates: [template],
  });
  const { taskId } = await runToEnd(engine, template);
  const rows = await home.database.query(
    `select to_state, created_at <= lead(created_at, 1, created_at) over (order by sort_key) as in_order
     from tasker_workflow_step_transitions
     where workflow_step_id in (select workflow_step_id from tasker_workflow_steps where task_id = $1)
     order by sort_key`,
    [taskId],
  );
  expect(rows).toEqual([
    { to_state: 'in_progress', in_order: true },
    { to_state: 'complete', in_order: true },
  ]);
});

/** The state of its step, as a handler sees it that looks at once. */
async function seenByItsHandler(fuseMs: number): Promise<unknown> {
  const template = templateOf({ looks: [] });
  const works = {
    looks: async ({ task }: { task: { task_id: number } }) => statesOfSteps(home.database, task.task_id),
  };
  const engine = await startEngine({ database: home.url, works, templates: [template], fuseMs });
  const { taskId } = await runToEnd(engine, template, unlike());
  const [row] = await home.database.query<{ results: unknown }>(
    'select results from tasker_workflow_steps where task_id = $1',
    [taskId],
  );
  return row?.results;
}

test('without late starts a step is in progress before its handler begins', async () => {
  expect(await seenByItsHandler(0)).toEqual({ looks: 'in_progress' });
});

test('with late starts the claim alone is there when its handler begins', async () => {
  expect(await seenByItsHandler(60_000)).toEqual({ looks: 'pending' });
});

/** An engine whose task has begun: its only step runs until `end`. */
async function running(fuseMs?: number): Promise<{ engine: Engine; taskId: number; end: () => void }> {
  const [began, ended] = [new Signal(), new Signal()];
  const template = templateOf({ long: [] });
  const works = {
    long: async ({ signal }: { signal: AbortSignal }) => {
      began.happen();
      await Promise.race([ended.happened, untilAborted(signal)]);
      return {};
    },
  };
  const more = fuseMs === undefined ? {} : { fuseMs };
  const engine = await startEngine({ database: home.url, works, templates: [template], ...more });
  const taskId = await create(engine, template, unlike());
  await began.happened;
  return { engine, taskId, end: ended.happen };
}

test('a long step is shown as in progress while it runs, by the default', async () => {
  const { engine, taskId, end } = await running();
  const states = () => statesOfSteps(home.database, taskId);
  await eventually(states, ({ long }) => long === 'in_progress');
  end();
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await trailsOf(taskId)).toEqual([['in_progress', 'complete']]);
});

test('a handed-over child that runs long is shown as in progress too', async () => {
  const ended = new Signal();
  const template = templateOf({ brief: [], long: ['brief'] });
  const works = { brief: () => ({}), long: () => ended.happened.then(() => ({})) };
  const engine = await startEngine({ database: home.url, works, templates: [template] });
  const taskId = await create(engine, template, unlike());
  await eventually(
    () => statesOfSteps(home.database, taskId),
    ({ long }) => long === 'in_progress',
  );
  ended.happen();
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a task that is cancelled before the start of its step is written stops the handler', async () => {
  const { engine, taskId } = await running(60_000);
  await engine.cancelTask(taskId, { by: 'ann' });
  await eventually(
    async () => engine.stats().running,
    (count) => count === 0,
  );
  expect(await trailsOf(taskId)).toEqual([['in_progress', 'cancelled']]);
  expect(await stateOfTask(home.database, taskId)).toBe('cancelled');
});

test('an engine that stops within the window gives its step back with a whole trail', async () => {
  const { engine, taskId } = await running(60_000);
  await engine.stop({ graceSeconds: 0 });
  const [stepId = 0] = Object.values(await stepIdsOf(home.database, taskId));
  const [start, end] = await trailOf(home.database, 'workflow_step', stepId);
  expect([start?.to_state, end?.to_state]).toEqual(['in_progress', 'error']);
});
