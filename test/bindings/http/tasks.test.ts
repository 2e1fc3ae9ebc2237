// The REST API of tasks and steps: the shapes of the Rails engine, with the filters and pages that its documents promise.
import { expect, test } from 'vitest';
import { z } from 'zod';
import { PermanentError } from '../../../core/errors.ts';
import { step, task } from '../../../bindings/http/shapes.ts';
import { create, eventually, runToEnd } from '../../support/engines.ts';
import { stepIdsOf, templateOf } from '../../support/factories.ts';
import { startApi } from '../../support/http-servers.ts';
import { testDatabase } from '../../support/postgres.ts';

const home = testDatabase();
const broken = () => {
  throw new PermanentError('no paper');
};

async function api(works: Parameters<typeof startApi>[0]['works'] = {}) {
  const template = templateOf({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] });
  const done = { a: () => ({ n: 1 }), b: () => 2, c: () => 3, d: () => 4, ...works };
  return { template, ...(await startApi({ database: home.database, templates: [template], works: done })) };
}
type Made = Awaited<ReturnType<typeof api>>;

const body = ({ template: { name, namespace_name: namespace, version } }: Made, more: object = {}) => ({
  task: { name, namespace, version, context: { order_id: 7 }, ...more },
});

test('a task is made, and answered as the Rails engine does', async () => {
  const made = await api();
  const { status, body: answer } = await made.ask(
    'POST',
    '/tasks',
    body(made, { reason: 'why', tags: ['x'] }),
  );
  expect(status).toBe(201);
  expect(task.parse(answer.task)).toMatchObject({
    name: made.template.name,
    full_name: `${made.template.namespace_name}.${made.template.name}@${made.template.version}`,
    context: { order_id: 7 },
    reason: 'why',
    tags: ['x'],
  });
  expect(await made.engine.waitForTask(answer.task.task_id)).toBe('complete');
});

test('a task is shown with its steps, whose families are named by their ids', async () => {
  const made = await api();
  const { taskId } = await runToEnd(made.engine, made.template);
  const { body: answer } = await made.ask('GET', `/tasks/${taskId}`);
  const ids = await stepIdsOf(home.database, taskId);
  const steps = z.array(step).parse(answer.task.workflow_steps);
  const b = steps.find(({ name }) => name === 'b');
  expect(answer.task).toMatchObject({ status: 'complete', complete: true });
  expect(b).toMatchObject({
    status: 'complete',
    attempts: 1,
    processed: true,
    results: 2,
    parents_ids: [ids['a']],
    children_ids: [ids['d']],
    siblings_ids: [ids['c']],
  });
});

test('the analysis of dependencies names what failed and what waits behind it', async () => {
  const made = await api({ b: broken });
  const { taskId } = await runToEnd(made.engine, made.template);
  const { body: answer } = await made.ask('GET', `/tasks/${taskId}?include_dependencies=true`);
  expect(answer.task.dependency_analysis.task_execution_summary).toMatchObject({
    total_steps: 4,
    total_dependencies: 4,
    dependency_levels: 3,
    longest_path_length: 3,
    error_chains_count: 1,
    overall_health: 'critical',
  });
  const { total_paths, paths } = answer.task.dependency_analysis.critical_paths;
  expect([total_paths, paths.length, paths[0]]).toMatchObject([2, 2, { length: 3 }]);
  expect(answer.task.dependency_analysis.error_chains.chains).toMatchObject([
    { name: 'b', blocked_steps: 1 },
  ]);
});

test('lists are filtered, sorted and read page by page', async () => {
  const made = await api();
  const ids: number[] = [];
  for (let count = 0; count < 3; count += 1) ids.push((await runToEnd(made.engine, made.template)).taskId);
  const { namespace_name: namespace, name } = made.template;
  const wanted = `/tasks?namespace=${namespace}&name=${name}&status=complete&sort_order=desc&limit=2`;
  const first = (await made.ask('GET', wanted)).body;
  const second = (await made.ask('GET', `${wanted}&offset=${first.pagination.next_offset}`)).body;
  expect(first.pagination).toEqual({ total_count: 3, limit: 2, offset: 0, next_offset: 2 });
  expect(second.pagination.next_offset).toBeNull();
  const seen = [...first.tasks, ...second.tasks].map(({ task_id }: { task_id: number }) => task_id);
  expect(seen).toEqual(ids.toReversed());
  expect((await made.ask('GET', `/tasks?name=${name}&status=error`)).body.tasks).toEqual([]);
});

test('reason and tags of a task change, and nothing else', async () => {
  const made = await api();
  const { taskId } = await runToEnd(made.engine, made.template);
  const { body: answer } = await made.ask('PATCH', `/tasks/${taskId}`, {
    task: { reason: 'moved', context: {} },
  });
  expect(answer.task).toMatchObject({ reason: 'moved', tags: [], status: 'complete' });
  expect(answer.task.context).not.toEqual({});
});

test('a task that has not ended is cancelled; one that has is not', async () => {
  const made = await api({
    a: ({ signal }: { signal: AbortSignal }) =>
      new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason))),
  });
  const taskId = await create(made.engine, made.template);
  expect(await made.ask('DELETE', `/tasks/${taskId}`)).toEqual({ status: 200, body: { cancelled: true } });
  expect((await made.ask('GET', `/tasks/${taskId}`)).body.task.status).toBe('cancelled');
  const again = await made.ask('DELETE', `/tasks/${taskId}`);
  expect(again.status).toBe(409);
});

test('a failed task is tried again', async () => {
  const trouble = { still: true };
  const made = await api({ b: () => (trouble.still ? broken() : 'mended') });
  const { taskId } = await runToEnd(made.engine, made.template);
  trouble.still = false;
  expect((await made.ask('POST', `/tasks/${taskId}/retry`)).status).toBe(200);
  expect(await made.engine.waitForTask(taskId)).toBe('complete');
});

test('a failed step is resolved, and its children run', async () => {
  const made = await api({ b: broken });
  const { taskId } = await runToEnd(made.engine, made.template);
  const stepId = (await stepIdsOf(home.database, taskId))['b'];
  const path = `/tasks/${taskId}/workflow_steps/${stepId}/resolve`;
  const { body: answer } = await made.ask('POST', path, { reason: 'by hand', results: { n: 2 } });
  expect(step.parse(answer.step)).toMatchObject({ status: 'resolved_manually', results: { n: 2 } });
  expect(await made.engine.waitForTask(taskId)).toBe('complete');
});

test('the limit of a step rises, and the engine goes on by itself', async () => {
  const trouble = { still: true };
  const template = templateOf({ a: [] }, { each: { default_retry_limit: 1 } });
  const works = {
    a: () => {
      if (trouble.still) throw new Error('not yet');
      return 'well';
    },
  };
  const { engine, ask } = await startApi({ database: home.database, templates: [template], works });
  const { taskId } = await runToEnd(engine, template);
  trouble.still = false;
  const stepId = (await stepIdsOf(home.database, taskId))['a'];
  const changed = await ask('PATCH', `/tasks/${taskId}/workflow_steps/${stepId}`, {
    workflow_step: { retry_limit: 3 },
  });
  expect(changed.body.step.retry_limit).toBe(3);
  await ask('POST', `/tasks/${taskId}/retry`);
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a step that waits is cancelled, and the engine knows', async () => {
  const made = await api({ b: broken });
  const { taskId } = await runToEnd(made.engine, made.template);
  const ids = await stepIdsOf(home.database, taskId);
  expect(await made.ask('DELETE', `/tasks/${taskId}/workflow_steps/${ids['d']}`)).toMatchObject({
    status: 200,
  });
  const steps = await eventually(
    async () => (await made.ask('GET', `/tasks/${taskId}/workflow_steps`)).body.steps,
    (all) => all.length === 4,
  );
  const states = Object.fromEntries(
    steps.map((one: { name: string; status: string }) => [one.name, one.status]),
  );
  expect(states).toEqual({ a: 'complete', b: 'error', c: 'complete', d: 'cancelled' });
  const again = await made.ask('DELETE', `/tasks/${taskId}/workflow_steps/${ids['a']}`);
  expect(again.status).toBe(409);
});
