// Deadlines of tasks: where they come from, what happens when they pass, and that they go when the task ends.
import { expect, test } from 'vitest';
import { parseTemplate } from '../../core/template/template.ts';
import { createTasks, expireTasks, registerTemplate, startTasks, type TaskRow } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  completed,
  createdWorld,
  failed,
  idOf,
  record,
  startedWorld,
  templateOf,
  uniqueName,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { openTransaction } from '../support/transactions.ts';
import {
  claimsOf,
  readySteps,
  stateOfTask,
  statesOfSteps,
  stepColumns,
  trailOf,
  wakeupOf,
} from '../support/trail.ts';

const home = testDatabase();

const past = new Date(0).toISOString();

/** Seconds from its creation until the deadline of a task, rounded; undefined when it has none. */
async function deadlineOf({ taskId }: Pick<World, 'taskId'>): Promise<number | undefined> {
  const [row] = await home.database.query<{ in: number }>(
    `select round(extract(epoch from d.deadline_at - t.created_at at time zone 'UTC'))::integer as in
     from treadle.deadlines d
     left join public.tasker_tasks t using (task_id)
     where task_id = $1`,
    [taskId],
  );
  return row?.in;
}

/** Sets the deadline of a task that runs into the past. */
async function overdue(world: World): Promise<World> {
  await home.database.query(`insert into treadle.deadlines (task_id, deadline_at) values ($1, $2)`, [
    world.taskId,
    past,
  ]);
  return world;
}

const later = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

test.each<[string, Partial<TaskRow>, number]>([
  ['an instant', { deadline_at: later(600) }, 600],
  ['seconds from now', { deadline_seconds: 90 }, 90],
  ['seconds from its start', { deadline_seconds: 90, run_at: later(1000) }, 1090],
  ['an instant rather than seconds', { deadline_seconds: 90, deadline_at: later(600) }, 600],
])('a request may name %s', async (_what, request, expected) => {
  const world = await createdWorld(home.database, { a: [] }, { request });
  expect(Math.abs(((await deadlineOf(world)) ?? 0) - expected)).toBeLessThan(10);
});

test('without one there is none', async () => {
  expect(await deadlineOf(await createdWorld(home.database, { a: [] }))).toBeUndefined();
});

async function createdFrom(template: object, request: Partial<TaskRow> = {}): Promise<{ taskId: number }> {
  const parsed = parseTemplate(template);
  const named = await registerTemplate(home.database, parsed, parsed);
  const row = { identity_hash: uniqueName('identity'), context: { order_id: 1 }, ...request };
  const [created] = await createTasks(home.database, named, [row], { enqueued: true });
  return { taskId: created?.task_id ?? 0 };
}

test('a template gives its tasks a deadline, until its text is changed', async () => {
  const template = { ...templateOf({ a: [] }), deadline_seconds: 300 };
  expect(await deadlineOf(await createdFrom(template))).toBe(300);
  expect(await deadlineOf(await createdFrom(template, { deadline_seconds: 200 }))).toBe(200);
  expect(await deadlineOf(await createdFrom({ ...template, deadline_seconds: 90.25 }))).toBe(90);
  const { deadline_seconds: _gone, ...without } = template;
  expect(await deadlineOf(await createdFrom(without))).toBeUndefined();
});

test('treadle.create_task takes a deadline, and the one of the template', async () => {
  const template = parseTemplate({ ...templateOf({ a: [] }), deadline_seconds: 300 });
  await registerTemplate(home.database, template, template);
  const [row] = await home.database.query<{ one: number; two: number }>(
    `select treadle.create_task('test', $1, '{"n": 1}') as one,
       treadle.create_task('test', $1, '{"n": 2}', p_deadline_at => treadle.now() + interval '1 hour') as two`,
    [template.name],
  );
  expect(await deadlineOf({ taskId: row?.one ?? 0 })).toBe(300);
  expect(await deadlineOf({ taskId: row?.two ?? 0 })).toBe(3600);
});

test('a duplicate request does not move the deadline of the task that exists', async () => {
  const world = await createdWorld(
    home.database,
    { a: [] },
    { request: { identity_hash: 'the one', deadline_seconds: 60 } },
  );
  const again = { identity_hash: 'the one', context: { order_id: 1 }, deadline_seconds: 5 };
  await createTasks(home.database, world.namedTaskId, [again], { enqueued: true });
  expect(await deadlineOf(world)).toBe(60);
});

test('when it passes running steps fail for good, the others stay, and the task ends in error', async () => {
  const world = await overdue(
    await startedWorld(home.database, { done: [], running: [], next: ['running'] }),
  );
  await claim(world);
  await record(world, completed(world, 'done'));
  const { finalized } = await expireTasks(home.database, 10);
  expect(finalized).toEqual([
    { task_id: world.taskId, event: 'fail', from_state: 'in_progress', to_state: 'error' },
  ]);
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({
    done: 'complete',
    running: 'error',
    next: 'pending',
  });
  const [, , row] = [undefined, ...(await trailOf(home.database, 'task', world.taskId))];
  expect(row?.metadata).toMatchObject({
    reason: 'deadline_exceeded',
    deadline_at: '1970-01-01T00:00:00.000000Z',
  });
  const [, failure] = await trailOf(home.database, 'workflow_step', idOf(world, 'running'));
  expect(failure?.metadata).toMatchObject({
    code: 'timed_out',
    triggered_by: 'deadline',
    retry_available: false,
  });
  expect(await stepColumns(home.database, idOf(world, 'running'))).toMatchObject({
    attempts: 3,
    results: { error: 'the deadline of the task passed', error_class: 'Treadle::DeadlineExceeded' },
  });
  expect([await claimsOf(world), await readySteps(world), await wakeupOf(world)]).toEqual([0, [], undefined]);
});

test('the answer of a worker that comes after the deadline is refused', async () => {
  const world = await overdue(await startedWorld(home.database, { running: [] }));
  await claim(world);
  await expireTasks(home.database, 10);
  const { refused } = await record(world, completed(world, 'running'));
  expect(refused).toEqual([idOf(world, 'running')]);
});

test('a task that has not begun, or waits for a retry, ends as well', async () => {
  const created = await overdue(await createdWorld(home.database, { a: [] }));
  const waiting = await overdue(await startedWorld(home.database, { a: [] }));
  await claim(waiting);
  await record(waiting, failed(waiting, 'a', 60_000));
  const { finalized } = await expireTasks(home.database, 10);
  expect(finalized.map(({ from_state, to_state }) => [from_state, to_state])).toEqual([
    ['pending', 'error'],
    ['pending', 'error'],
  ]);
  await startTasks(home.database, [created.taskId, waiting.taskId]);
  expect(await stateOfTask(home.database, created.taskId)).toBe('error');
  expect([await wakeupOf(created), await wakeupOf(waiting)]).toEqual([undefined, undefined]);
});

test.each<[string, (world: World) => Promise<unknown>]>([
  ['completes', (world) => carryOut(world, 'a')],
  ['fails', async (world) => [await claim(world), await record(world, failed(world, 'a', null))]],
])('a task that %s has no deadline any more', async (_how, end) => {
  const world = await startedWorld(home.database, { a: [] }, { request: { deadline_seconds: 600 } });
  await end(world);
  expect(await deadlineOf(world)).toBeUndefined();
});

test('a task that waits for a retry keeps its deadline', async () => {
  const world = await startedWorld(home.database, { a: [] }, { request: { deadline_seconds: 600 } });
  await claim(world);
  await record(world, failed(world, 'a', 60_000));
  expect(await deadlineOf(world)).toBe(600);
});

test('a task that ended by another hand only loses its deadline', async () => {
  const world = await overdue(await startedWorld(home.database, { a: [] }));
  await carryOut(world, 'a');
  await overdue(world);
  expect((await expireTasks(home.database, 10)).finalized).toEqual([]);
  expect([await stateOfTask(home.database, world.taskId), await deadlineOf(world)]).toEqual([
    'complete',
    undefined,
  ]);
});

test('the deadline of a task that is gone goes too', async () => {
  await home.database.query('insert into treadle.deadlines values (999999999, $1)', [past]);
  await expireTasks(home.database, 10);
  expect(await deadlineOf({ taskId: 999_999_999 })).toBeUndefined();
});

test('a task that somebody writes to at the moment waits for the next call', async () => {
  const world = await overdue(await startedWorld(home.database, { a: [] }));
  const other = await openTransaction(home.database);
  await other.query('select treadle.lock_tasks(array[$1::bigint])', [world.taskId]);
  const first = await expireTasks(home.database, 10);
  expect([first.finalized, Number(first.next_in_ms) < 0]).toEqual([[], true]);
  await other.commit();
  expect((await expireTasks(home.database, 10)).finalized).toHaveLength(1);
});

test('it says how far off the earliest deadline is that is left', async () => {
  await home.database.query('delete from treadle.deadlines');
  expect(await expireTasks(home.database, 10)).toEqual({ finalized: [], next_in_ms: null });
  await createdWorld(home.database, { a: [] }, { request: { deadline_seconds: 600 } });
  await createdWorld(home.database, { a: [] }, { request: { deadline_seconds: 30 } });
  const { next_in_ms } = await expireTasks(home.database, 10);
  expect([Number(next_in_ms) > 20_000, Number(next_in_ms) <= 30_000]).toEqual([true, true]);
});

test('engines hear of a deadline that is earlier than all others, and of no other', async () => {
  await home.database.query('delete from treadle.deadlines');
  const client = home.database.dedicatedClient('test listener');
  await client.connect();
  const heard: string[] = [];
  client.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await client.query('listen treadle');
  for (const deadline_seconds of [600, 700, 500])
    await createdWorld(home.database, { a: [] }, { request: { deadline_seconds } });
  await client.query('select 1');
  await client.end();
  expect(heard.filter((message) => message === 'deadlines')).toHaveLength(2);
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
