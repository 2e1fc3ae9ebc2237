// The finalizer's table: what becomes of a task by what its steps can still do. Each row is a small case.
import { expect, test } from 'vitest';
import {
  carryOut,
  claim,
  completed,
  createdWorld,
  failed,
  idOf,
  moveClock,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { startTasks } from '../../sql/tasks.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesThrough, trailOf, wakeupOf } from '../support/trail.ts';
import { violations } from '../support/invariants.ts';

const home = testDatabase();

async function decisionOn({ db, taskId }: World) {
  const [row] = await db.query<{ event: string | null; metadata: object; in: number | null }>(
    `select event, metadata, round(extract(epoch from run_at - treadle.utc_now()))::integer as in
     from treadle.task_decisions(array[$1::bigint], treadle.utc_now())`,
    [taskId],
  );
  return row;
}

/** What is done to the steps a, b and c (c needs a), in this order, before the decision. */
type Doing = (world: World) => Promise<unknown>;

const by =
  (state: string, step: string): Doing =>
  (world) =>
    writeAsRails(world.db, 'workflow_step', idOf(world, step), state);
const end =
  (...steps: string[]): Doing =>
  (world) =>
    carryOut(world, ...steps);
const fail =
  (step: string, delayMs: number | null): Doing =>
  async (world) => {
    await claim(world);
    await record(world, failed(world, step, delayMs));
  };

const TABLE: [string, string | null, Doing[]][] = [
  ['all steps are complete', 'complete', [end('a', 'b'), end('c')]],
  ['all steps are complete or resolved', 'complete', [end('a', 'b'), by('resolved_manually', 'c')]],
  ['a step runs', null, [(world) => claim(world)]],
  ['a step runs beside one that failed for good', null, [fail('a', null)]],
  ['a step waits for its retry', 'wait', [end('b'), fail('a', 60_000)]],
  ['a step waits beside one that failed for good', 'wait', [fail('a', null), fail('b', 60_000)]],
  ['a step is ready', 'wait', [end('a', 'b')]],
  ['a step failed for good and its child is blocked', 'fail', [end('b'), fail('a', null)]],
  ['a step was cancelled and its child is blocked', 'fail', [end('b'), by('cancelled', 'a')]],
  ['a leaf was cancelled', 'fail', [end('a'), by('complete', 'b'), by('cancelled', 'c')]],
];

test.each(TABLE)('when %s the decision is %s', async (_when, event, doings) => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a'] });
  for (const doing of doings) await doing(world);
  expect((await decisionOn(world))?.event).toBe(event);
});

test('a wait is as long as the earliest step has to wait', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world);
  await record(world, failed(world, 'a', 90_000), failed(world, 'b', 30_000));
  expect((await decisionOn(world))?.in).toBe(30);
  expect(await wakeupOf(world)).toEqual({ reason: 'retry_due', in: 30 });
});

test('a failure names the steps that it is about', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a'] });
  await carryOut(world, 'b');
  await record(world, failed(world, 'a', null));
  const { metadata } = (await trailOf(home.database, 'task', world.taskId)).at(-1) ?? {};
  const blocked_by_step_ids = [idOf(world, 'a')];
  expect(metadata).toEqual({ event: 'fail', reason: 'blocked_by_failures', blocked_by_step_ids });
});

test('a task without steps completes when it starts', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await home.database.query('delete from tasker_workflow_steps where task_id = $1', [world.taskId]);
  const { finalized } = await startTasks(home.database, [world.taskId]);
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'complete', to_state: 'complete' }]);
});

test('a task that is busy is left alone', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world, 1);
  const [row] = await home.database.query('select treadle.finalize_tasks(array[$1::bigint]) as decided', [
    world.taskId,
  ]);
  expect(row).toEqual({ decided: [] });
});

test('a task that is woken before its time sleeps on, without an audit row', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 60_000));
  await startTasks(home.database, [world.taskId]);
  expect(await statesThrough(home.database, 'task', world.taskId)).toEqual(['in_progress', 'pending']);
  expect(await wakeupOf(world)).toEqual({ reason: 'retry_due', in: 60 });
});

test('a message that comes twice starts a task once', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await startTasks(home.database, [world.taskId]);
  expect(await statesThrough(home.database, 'task', world.taskId)).toEqual(['in_progress']);
});

test.each(['complete', 'error', 'cancelled'])(
  'a message for a task that is %s changes nothing',
  async (state) => {
    const world = await createdWorld(home.database, { a: [] });
    await writeAsRails(home.database, 'task', world.taskId, state);
    const aftermath = await startTasks(home.database, [world.taskId]);
    expect(aftermath).toMatchObject({ ready_handlers: [], finalized: [] });
    expect(await stateOfTask(home.database, world.taskId)).toBe(state);
  },
);

test('a pending step that another hand told to wait is woken beside a running sibling', async () => {
  const world = await createdWorld(home.database, { a: [], b: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'pending');
  await home.database.query(
    `update tasker_workflow_steps
     set backoff_request_seconds = 30, last_attempted_at = treadle.utc_now()
     where workflow_step_id = $1`,
    [idOf(world, 'a')],
  );
  await startTasks(home.database, [world.taskId]);
  expect(await claim(world)).toEqual(['b']);
  expect(await wakeupOf(world)).toEqual({ reason: 'retry_due', in: 30 });
});

test('a task that waited goes on when the clock has come', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 60_000));
  await moveClock(home.database, 61);
  await startTasks(home.database, [world.taskId]);
  expect(await claim(world)).toEqual(['a']);
  const { finalized } = await record(world, completed(world, 'a'));
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'complete', to_state: 'complete' }]);
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  expect(await violations(home.database)).toEqual([]);
});
