// What others write is noticed: remembered durably in their own transaction, announced, and settled once.
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { listen } from '../../sql/listen.ts';
import { settleChangedTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  createdWorld,
  failed,
  idOf,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import {
  claimsOf,
  derivedRows,
  readySteps,
  stateOfTask,
  statesOfSteps,
  statesThrough,
  wakeupOf,
} from '../support/trail.ts';
import { openTransaction } from '../support/transactions.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();

async function changes({ db, taskId }: Pick<World, 'db' | 'taskId'>): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'select count(*) from treadle.changed_tasks where task_id = $1',
    [taskId],
  );
  return row?.count ?? 0;
}

const GIVE_ATTEMPTS = 'update tasker_workflow_steps set attempts = 0 where workflow_step_id = $1';

const settle = () => settleChangedTasks(home.database, 1000);

test('nothing that the engine writes itself is a change', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await carryOut(world, 'a');
  await carryOut(world, 'b');
  expect(await changes(world)).toBe(0);
});

test.each(['workflow_step', 'task'] as const)(
  'a %s transition of another hand is remembered',
  async (what) => {
    const world = await createdWorld(home.database, { a: [] });
    await writeAsRails(home.database, what, what === 'task' ? world.taskId : idOf(world, 'a'), 'cancelled');
    expect(await changes(world)).toBe(1);
    await settle();
    expect(await changes(world)).toBe(0);
  },
);

test('a change vanishes with the transaction that made it', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await inRolledBackTransaction(home.database, (tx) =>
    writeAsRails(tx, 'workflow_step', idOf(world, 'a'), 'cancelled'),
  );
  expect(await changes(world)).toBe(0);
});

test('a change that is not committed yet is left for the next round', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  const theirs = await openTransaction(home.database);
  await writeAsRails(theirs, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  await settle();
  expect(await readySteps(world)).toEqual(['a']);
  await theirs.commit();
  await settle();
  expect(await readySteps(world)).toEqual(['b']);
});

test('whoever listens is told', async () => {
  const world = await createdWorld(home.database, { a: [] });
  const client = home.database.dedicatedClient('treadle test listener');
  await client.connect();
  onTestFinished(() => client.end());
  await listen(client);
  const told = once(client, 'notification');
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'cancelled');
  expect(await told).toMatchObject([{ channel: 'treadle', payload: 'changed' }]);
});

test('a step that another hand resolved opens its children', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  const aftermath = await settle();
  expect([aftermath?.ready_handlers, await readySteps(world)]).toEqual([[world.handler], ['b']]);
});

test('the last step that another hand resolves completes the task', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  expect((await settle())?.finalized).toEqual([
    { task_id: world.taskId, event: 'complete', to_state: 'complete' },
  ]);
});

test('a task that another hand cancelled cancels its steps, and takes them from their workers', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await writeAsRails(home.database, 'task', world.taskId, 'cancelled');
  await settle();
  const { refused } = await record(world, failed(world, 'a', 0));
  expect(await derivedRows(home.database, world.taskId)).toEqual({ ready: [], gates: [] });
  expect([
    await stateOfTask(home.database, world.taskId),
    await statesOfSteps(home.database, world.taskId),
  ]).toEqual(['cancelled', { a: 'cancelled', b: 'cancelled' }]);
  expect([refused, await claimsOf(world)]).toEqual([[idOf(world, 'a')], 0]);
});

test('nothing wakes a waiting task that another hand cancelled', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 40_000));
  await writeAsRails(home.database, 'task', world.taskId, 'cancelled');
  await settle();
  expect([await wakeupOf(world), await statesOfSteps(home.database, world.taskId)]).toEqual([
    undefined,
    { a: 'cancelled' },
  ]);
});

test.each([
  ['resolved', 'resolved_manually', {}],
  ['put back with attempts left', 'pending', { attempts: 0 }],
])('a failed task goes on when another hand has its step %s', async (_what, state, columns) => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await record(world, failed(world, 'a', null));
  if ('attempts' in columns) await home.database.query(GIVE_ATTEMPTS, [idOf(world, 'a')]);
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
  await settle();
  const states = await statesThrough(home.database, 'task', world.taskId);
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress']);
  expect(await readySteps(world)).toEqual([state === 'pending' ? 'a' : 'b']);
});

test('a failed task stays failed when what another hand changed does not help it', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world);
  await record(world, failed(world, 'a', null), failed(world, 'b', null));
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  await settle();
  expect(await statesThrough(home.database, 'task', world.taskId)).toEqual(['in_progress', 'error']);
});

test('a task that another hand failed stays so: that was the last word', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  await writeAsRails(home.database, 'task', world.taskId, 'error');
  await settle();
  expect(await stateOfTask(home.database, world.taskId)).toBe('error');
});

test('a failed task that another hand put back fails again when nothing has changed', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', null));
  await writeAsRails(home.database, 'task', world.taskId, 'pending');
  await settle();
  const states = await statesThrough(home.database, 'task', world.taskId);
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress', 'error']);
});

test('a retry that waited is not delayed by a change elsewhere in its task', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await claim(world, 1);
  await record(world, failed(world, 'a', 40_000));
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'b'), 'resolved_manually');
  await settle();
  expect([await stateOfTask(home.database, world.taskId), await wakeupOf(world)]).toEqual([
    'pending',
    { reason: 'retry_due', in: 40 },
  ]);
});

test('tasks that no template of ours describes are none of our business', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await home.database.query('delete from treadle.own_named_tasks where named_task_id = $1', [
    world.namedTaskId,
  ]);
  await writeAsRails(home.database, 'task', world.taskId, 'in_progress');
  await settle();
  expect([await changes(world), await derivedRows(home.database, world.taskId)]).toEqual([
    0,
    { ready: [], gates: [] },
  ]);
});

test('a claim ends when another hand completes the step', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'complete');
  await settle();
  expect([await claimsOf(world), await readySteps(world)]).toEqual([0, ['b']]);
});

test('many changes of one task are settled at once, and no more than the limit of them', async () => {
  const world = await createdWorld(home.database, { a: [], b: [], c: [] });
  for (const step of ['a', 'b', 'c']) {
    await writeAsRails(home.database, 'workflow_step', idOf(world, step), 'resolved_manually');
  }
  await settleChangedTasks(home.database, 2);
  expect(await changes(world)).toBe(1);
});
