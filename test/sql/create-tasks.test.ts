// create_tasks and create_task: rows as the Rails engine would have written them, all of them or none.
import { expect, test } from 'vitest';
import { createTasks, findNamedTask, registerTemplate, startTasks } from '../../sql/tasks.ts';
import { createdWorld, idOf, templateOf, uniqueName, type Shape } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, trailOf } from '../support/trail.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();

async function register(
  shape: Shape,
  ...options: Parameters<typeof templateOf> extends [Shape, ...infer Rest] ? Rest : never
) {
  const template = templateOf(shape, ...options);
  return { template, namedTaskId: await registerTemplate(home.database, template, template) };
}

const requestOf = (context: object, more: object = {}) => ({
  identity_hash: uniqueName('identity'),
  context: context as { [key: string]: number },
  ...more,
});

test('a task has the columns that a Rails reader expects', async () => {
  const { taskId } = await createdWorld(
    home.database,
    { a: [] },
    { request: { reason: 'test', tags: ['vip'] } },
  );
  const [task] = await home.database.query('select * from tasker_tasks where task_id = $1', [taskId]);
  expect(task).toMatchObject({
    complete: false,
    requested_at: expect.any(Date),
    initiator: 'unknown',
    source_system: 'unknown',
    reason: 'test',
    bypass_steps: [],
    tags: ['vip'],
    context: { order_id: 1 },
  });
});

test('its steps take their settings from the template', async () => {
  const world = await createdWorld(
    home.database,
    { a: [] },
    { each: { default_retry_limit: 7, default_retryable: false, skippable: true } },
  );
  const [step] = await home.database.query('select * from tasker_workflow_steps where task_id = $1', [
    world.taskId,
  ]);
  expect(step).toMatchObject({
    retry_limit: 7,
    retryable: false,
    skippable: true,
    attempts: 0,
    processed: false,
    in_process: false,
    inputs: { order_id: 1 },
    results: {},
  });
});

test('its edges are those of the template, named provides', async () => {
  const world = await createdWorld(home.database, { a: [], b: ['a'], c: ['a', 'b'] });
  const [a, b, c] = ['a', 'b', 'c'].map((step) => idOf(world, step));
  const edges = await home.database.query(
    `select from_step_id, to_step_id, e.name
     from tasker_workflow_step_edges e
     join tasker_workflow_steps s on s.workflow_step_id = e.to_step_id
     where s.task_id = $1
     order by 1, 2`,
    [world.taskId],
  );
  const named = (from: unknown, to: unknown) => ({ from_step_id: from, to_step_id: to, name: 'provides' });
  expect(edges).toEqual([named(a, b), named(a, c), named(b, c)]);
});

test('no transition row is written at creation: no row means pending', async () => {
  const world = await createdWorld(home.database, { a: [] });
  expect(await trailOf(home.database, 'task', world.taskId)).toEqual([]);
  expect(await trailOf(home.database, 'workflow_step', idOf(world, 'a'))).toEqual([]);
});

test('many tasks come back in the order of their requests', async () => {
  const { namedTaskId } = await register({ a: [] });
  const requests = Array.from({ length: 50 }, (_, n) => requestOf({ n }));
  const created = await createTasks(home.database, namedTaskId, requests, { enqueued: false });
  const rows = await home.database.query<{ n: number }>(
    `select (context ->> 'n')::integer as n
     from unnest($1::bigint[]) with ordinality as wanted (task_id, place)
     join tasker_tasks using (task_id)
     order by place`,
    [created.map((task) => task.task_id)],
  );
  expect(rows.map(({ n }) => n)).toEqual(requests.map((_, n) => n));
});

test('10,000 steps with their edges are created at once', async () => {
  const names = Array.from({ length: 10_000 }, (_, n) => `s${n}`);
  const shape = Object.fromEntries(
    names.map((name, n) => [name, n < 100 ? [] : [`s${n - 100}`, `s${n - 99}`]]),
  );
  const { namedTaskId } = await register(shape, { each: { handler_class: 'layer' } });
  const [task] = await createTasks(home.database, namedTaskId, [requestOf({ n: 1 })], { enqueued: true });
  const [count] = await home.database.query(
    `select count(distinct s.workflow_step_id) as steps, count(*) filter (where e.id is not null) as edges
     from tasker_workflow_steps s
     left join tasker_workflow_step_edges e on e.to_step_id = s.workflow_step_id
     where s.task_id = $1`,
    [task?.task_id],
  );
  expect(count).toEqual({ steps: 10_000, edges: 19_800 });
});

test('a known identity returns the task that has it, and keeps its context', async () => {
  const { namedTaskId } = await register({ a: [] });
  const first = requestOf({ n: 1 });
  const again = [{ ...first, context: { n: 2 } }, requestOf({ n: 3 })];
  const [one] = await createTasks(home.database, namedTaskId, [first], { enqueued: true });
  const [same, other] = await createTasks(home.database, namedTaskId, again, { enqueued: true });
  expect([same, other?.created]).toEqual([{ task_id: one?.task_id, created: false }, true]);
  const [row] = await home.database.query('select context from tasker_tasks where task_id = $1', [
    one?.task_id,
  ]);
  expect(row).toEqual({ context: { n: 1 } });
});

test.each([
  [{ context: {} }, 'invalid_context'],
  [{ context: [1] }, 'invalid_context'],
  [{ bypass_steps: ['a'] }, 'invalid_argument'],
  [{ bypass_steps: ['zz'] }, 'unknown_step'],
])('a request with %j writes nothing, nor does any other of its call', async (bad, code) => {
  const { namedTaskId } = await register({ a: [] });
  const requests = [requestOf({ n: 1 }), requestOf({ n: 2 }, bad)];
  await expect(createTasks(home.database, namedTaskId, requests, { enqueued: true })).rejects.toMatchObject({
    code,
  });
  const [row] = await home.database.query('select count(*) from tasker_tasks where named_task_id = $1', [
    namedTaskId,
  ]);
  expect(row).toEqual({ count: 0 });
});

test('bypassed steps are resolved and processed from the start', async () => {
  const world = await createdWorld(
    home.database,
    { a: [], b: ['a'] },
    { each: { skippable: true }, request: { bypass_steps: ['a'] } },
  );
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'resolved_manually', b: 'pending' });
  const [step] = await home.database.query(
    'select processed from tasker_workflow_steps where workflow_step_id = $1',
    [idOf(world, 'a')],
  );
  expect(step).toEqual({ processed: true });
});

test('a wake-up is written with the task, for the instant of its run_at', async () => {
  const { namedTaskId } = await register({ a: [] });
  const run_at = '2031-01-02T03:04:05.000Z';
  const [task] = await createTasks(home.database, namedTaskId, [requestOf({ n: 1 }, { run_at })], {
    enqueued: false,
  });
  const [row] = await home.database.query('select run_at, reason from treadle.wakeups where task_id = $1', [
    task?.task_id,
  ]);
  expect(row).toEqual({ run_at: new Date(run_at), reason: 'created' });
});

test('a task whose run_at is to come does not start when somebody wakes it', async () => {
  const { namedTaskId } = await register({ a: [] });
  const request = requestOf({ n: 1 }, { run_at: '2031-01-02T03:04:05Z' });
  const [task] = await createTasks(home.database, namedTaskId, [request], { enqueued: true });
  await startTasks(home.database, [task?.task_id ?? 0]);
  expect(await trailOf(home.database, 'task', task?.task_id ?? 0)).toEqual([]);
});

test('plain SQL takes the latest version, by number and not by text', async () => {
  const { template } = await register({ a: [] }, { version: '0.9.0' });
  const { name } = template;
  const latest = await register({ a: [] }, { name, version: '0.10.0' });
  await home.database.query(`select treadle.create_task('test', $1, '{"n": 1}')`, [name]);
  const [row] = await home.database.query('select count(*) from tasker_tasks where named_task_id = $1', [
    latest.namedTaskId,
  ]);
  expect(row).toEqual({ count: 1 });
  expect(await findNamedTask(home.database, 'test', name, '0.9.0')).toMatchObject({ version: '0.9.0' });
});

test('plain SQL is told when there is no such template', async () => {
  const call = home.database.query(`select treadle.create_task('test', 'nothing', '{"n": 1}')`);
  await expect(call).rejects.toMatchObject({
    code: 'unknown_template',
    message: expect.stringContaining('test/nothing'),
  });
});

test.each(['America/New_York', 'Asia/Tokyo'])('times are UTC in a session of %s', async (zone) => {
  const { template } = await register({ a: [] });
  const [row] = await inRolledBackTransaction(home.database, async (tx) => {
    await tx.query(`set local time zone '${zone}'`);
    const [task] = await tx.query(`select treadle.create_task('test', $1, '{"n": 1}') as id`, [
      template.name,
    ]);
    return tx.query(
      `select abs(extract(epoch from requested_at - (now() at time zone 'UTC'))) < 60 as requested,
         abs(extract(epoch from created_at - (now() at time zone 'UTC'))) < 60 as created
       from tasker_tasks
       where task_id = $1`,
      [(task as { id: number }).id],
    );
  });
  expect(row).toEqual({ requested: true, created: true });
});
