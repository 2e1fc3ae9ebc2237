// register_template: what a template leaves in the Rails tables, and what happens to tasks in flight when it changes.
import { expect, test } from 'vitest';
import type { TaskTemplate } from '../../core/template/template.ts';
import { createTasks, registerTemplate, startTasks } from '../../sql/tasks.ts';
import { claim, createdWorld, startedWorld, templateOf, uniqueName } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { readySteps } from '../support/trail.ts';

const home = testDatabase();

const register = (template: TaskTemplate) => registerTemplate(home.database, template, template);

test('a template becomes a namespace, a named task and its named steps', async () => {
  const template = templateOf(
    { a: [], b: ['a'] },
    { steps: { a: { dependent_system: 'warehouse', default_retry_limit: 9, skippable: true } } },
  );
  const id = await register(template);
  const rows = await home.database.query(
    `select n.name as namespace, t.name, t.version, s.name as step, y.name as system, d.skippable,
       d.default_retryable, d.default_retry_limit
     from tasker_named_tasks t
     join tasker_task_namespaces n using (task_namespace_id)
     join tasker_named_tasks_named_steps d using (named_task_id)
     join tasker_named_steps s using (named_step_id)
     join tasker_dependent_systems y using (dependent_system_id)
     where named_task_id = $1
     order by s.name`,
    [id],
  );
  const common = { namespace: 'test', name: template.name, version: '0.1.0', default_retryable: true };
  expect(rows).toEqual([
    { ...common, step: 'a', system: 'warehouse', skippable: true, default_retry_limit: 9 },
    { ...common, step: 'b', system: 'unknown', skippable: false, default_retry_limit: 3 },
  ]);
});

test('configuration holds the whole template, as an object', async () => {
  const template = templateOf({ a: [] });
  const [row] = await home.database.query(
    'select configuration from tasker_named_tasks where named_task_id = $1',
    [await register(template)],
  );
  expect(row).toEqual({ configuration: JSON.parse(JSON.stringify(template)) });
});

test('the same template again is the same named task and writes nothing', async () => {
  const template = templateOf({ a: [] });
  const id = await register(template);
  const rows = () =>
    home.database.query('select xmin::text, * from tasker_named_tasks where named_task_id = $1', [id]);
  const before = await rows();
  expect(await register(template)).toBe(id);
  expect(await rows()).toEqual(before);
});

test('another version is another named task', async () => {
  const template = templateOf({ a: [] });
  expect(await register({ ...template, version: '0.2.0' })).not.toBe(await register(template));
});

test('two templates may have a step of the same name in the same system', async () => {
  const [one, two] = [templateOf({ same: [] }), templateOf({ same: [] })];
  expect(await register(one)).not.toBe(await register(two));
  const [row] = await home.database.query(`select count(*) from tasker_named_steps where name = 'same'`);
  expect(row).toEqual({ count: 1 });
});

test('two processes may register the same template at once', async () => {
  const template = templateOf({ a: [], b: ['a'] });
  const ids = await Promise.all(Array.from({ length: 8 }, () => register(template)));
  expect(new Set(ids).size).toBe(1);
});

test('a step that the template no longer has is not part of new tasks', async () => {
  const name = uniqueName('shrinking');
  const id = await register(templateOf({ a: [], b: ['a'] }, { name }));
  expect(await register(templateOf({ a: [] }, { name }))).toBe(id);
  const request = { identity_hash: uniqueName('identity'), context: { n: 1 } };
  const [task] = await createTasks(home.database, id, [request], { enqueued: true });
  const [row] = await home.database.query('select count(*) from tasker_workflow_steps where task_id = $1', [
    task?.task_id,
  ]);
  expect(row).toEqual({ count: 1 });
});

test('dependencies that the template no longer has are forgotten', async () => {
  const name = uniqueName('loosening');
  await register(templateOf({ a: [], b: ['a'] }, { name }));
  const id = await register(templateOf({ a: [], b: [] }, { name }));
  const [row] = await home.database.query(
    'select count(*) from treadle.step_dependencies where named_task_id = $1',
    [id],
  );
  expect(row).toEqual({ count: 0 });
});

test('a task in flight keeps a step that the template has lost', async () => {
  const name = uniqueName('inflight');
  const world = await startedWorld(home.database, { a: [], b: [] }, { name });
  await register(templateOf({ a: [] }, { name, each: { handler_class: world.handler } }));
  await startTasks(home.database, [world.taskId]);
  expect(await claim(world)).toEqual(['a', 'b']);
});

test('steps that wait are offered to the handler that the new text names', async () => {
  const name = uniqueName('renamed');
  const world = await startedWorld(
    home.database,
    { a: [] },
    { name, each: { handler_class: uniqueName('old') } },
  );
  expect(await claim(world)).toEqual([]);
  await register(templateOf({ a: [] }, { name, each: { handler_class: world.handler } }));
  expect([await readySteps(world), await claim(world)]).toEqual([['a'], ['a']]);
});

test('another environment of the same text changes the definitions', async () => {
  const template = templateOf({ a: [] });
  const id = await register(template);
  const slower = templateOf({ a: [] }, { name: template.name, each: { timeout_seconds: 5 } });
  expect(await registerTemplate(home.database, slower, template)).toBe(id);
  const [row] = await home.database.query(
    'select timeout_ms from treadle.step_definitions where named_task_id = $1',
    [id],
  );
  expect(row).toEqual({ timeout_ms: 5000 });
});

test('another environment that changes only retries changes the defaults of new tasks', async () => {
  const template = templateOf({ a: [] });
  await register(template);
  const patient = templateOf({ a: [] }, { name: template.name, each: { default_retry_limit: 8 } });
  const id = await registerTemplate(home.database, patient, template);
  const request = { identity_hash: uniqueName('identity'), context: { n: 1 } };
  const [task] = await createTasks(home.database, id, [request], { enqueued: true });
  const [row] = await home.database.query(
    'select retry_limit from tasker_workflow_steps where task_id = $1',
    [task?.task_id],
  );
  expect(row).toEqual({ retry_limit: 8 });
});

test('a step name that two systems share in one template keeps its own dependencies', async () => {
  const world = await createdWorld(
    home.database,
    { a: [], b: ['a'] },
    { steps: { b: { dependent_system: 'other' } } },
  );
  await startTasks(home.database, [world.taskId]);
  expect(await readySteps(world)).toEqual(['a']);
});
