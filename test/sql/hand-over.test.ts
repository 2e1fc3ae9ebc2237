// Children that are claimed in the statement which records their parents: who gets them, and who is never overtaken.
import { expect, test } from 'vitest';
import { pause } from '../../sql/controls.ts';
import type { Recorded } from '../../sql/outcomes.ts';
import { heldClaims, takeBackLostSteps } from '../../sql/steps.ts';
import { startTasks } from '../../sql/tasks.ts';
import {
  claim,
  claimLate,
  completed,
  createdWorld,
  failed,
  handOver,
  idOf,
  record,
  sibling,
  startedWorld,
  uniqueName,
  withOtherWorker,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { claimsOf, readySteps, stateOfTask, statesThrough, trailOf } from '../support/trail.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';

const home = testDatabase();

const namesIn = ({ claimed }: Recorded): string[] => claimed.map(({ step_name }) => step_name).toSorted();

const inProgress = async (world: World, step: string): Promise<string[]> =>
  statesThrough(world.db, 'workflow_step', idOf(world, step));

test('a child is claimed with the outcome of its parent and brings what its handler needs', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  const { claimed, ready_handlers } = await handOver(world, {}, completed(world, 'a', { n: 7 }));
  expect(claimed).toMatchObject([
    { step_name: 'b', attempt: 1, parent_results: { a: { n: 7 } }, inputs: { order_id: 1 } },
  ]);
  expect([ready_handlers, await readySteps(world)]).toEqual([[], []]);
  const claimIds = claimed.map(({ claim_id }) => claim_id);
  expect(await heldClaims(home.database, world.worker, claimIds)).toEqual(claimIds);
});

test('a chain goes from end to end without any other claim', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['b'] });
  await claimLate(world);
  await handOver(world, {}, completed(world, 'a'));
  await handOver(world, {}, completed(world, 'b'));
  const { finalized, claimed } = await handOver(world, {}, completed(world, 'c'));
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'complete', to_state: 'complete' }]);
  expect([claimed, await violations(home.database)]).toEqual([[], []]);
});

test('a child that is handed over is in progress at once, unless its start may come late', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['b'] });
  await claim(world);
  await handOver(world, { lateStart: false }, completed(world, 'a'));
  expect(await inProgress(world, 'b')).toEqual(['in_progress']);
  await handOver(world, { lateStart: true }, completed(world, 'b'));
  expect(await inProgress(world, 'c')).toEqual([]);
});

test('a child is handed over by the last of its parents only', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  await claim(world);
  expect(namesIn(await handOver(world, {}, completed(world, 'a')))).toEqual([]);
  expect(namesIn(await handOver(world, {}, completed(world, 'b')))).toEqual(['c']);
});

test('no more than the capacity is handed over, the others are offered', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['a'], d: ['a'] });
  await claim(world);
  const recorded = await handOver(world, { capacity: 2 }, completed(world, 'a'));
  expect(namesIn(recorded)).toEqual(['b', 'c']);
  expect([recorded.ready_handlers, await readySteps(world)]).toEqual([[world.handler], ['d']]);
});

test('the child with the highest priority is handed over', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['a'] });
  await raise(world, 'c');
  await claim(world);
  expect(namesIn(await handOver(world, { capacity: 1 }, completed(world, 'a')))).toEqual(['c']);
  expect(await readySteps(world)).toEqual(['b']);
});

test('children of handlers that the worker does not serve are offered', async () => {
  const other = uniqueName('elsewhere');
  const steps = { c: { handler_class: other } };
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['a'] }, { steps });
  await claim(world);
  const recorded = await handOver(world, {}, completed(world, 'a'));
  expect([namesIn(recorded), recorded.ready_handlers]).toEqual([['b'], [other]]);
});

test('a child does not overtake a step that waits for the same handler and came before it', async () => {
  const first = await startedWorld(home.database, { a: [], b: ['a'] });
  const world = await sibling(first);
  await claim(world);
  await record(first, completed(first, 'a'));
  const recorded = await handOver(world, {}, completed(world, 'a'));
  expect([recorded.claimed, recorded.ready_handlers]).toEqual([[], [world.handler]]);
  expect([await readySteps(first), await readySteps(world)]).toEqual([['b'], ['b']]);
});

test('a child goes before what came after it', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  const later = await sibling(world);
  expect(namesIn(await handOver(world, {}, completed(world, 'a')))).toEqual(['b']);
  expect(await readySteps(later)).toEqual(['a']);
});

test('a child of a higher priority goes before what came before it', async () => {
  const first = await startedWorld(home.database, { a: [], b: ['a'], c: [] });
  await raise(first, 'b');
  const world = await sibling(first);
  await claim(world, 2); // of the first
  await record(first, completed(first, 'a'));
  await claim(world, 1); // b of the first
  await claim(world, 1); // a of the second, before its c
  expect(await readySteps(world)).toEqual(['c']);
  const other = await sibling(first);
  expect(namesIn(await handOver(world, {}, completed(world, 'a')))).toEqual(['b']);
  expect(await readySteps(other)).toEqual(['a', 'c']);
});

async function raise(world: World, step: string): Promise<void> {
  await world.db.query(
    `update treadle.step_definitions set priority = 5 where named_task_id = $1 and step_name = $2`,
    [world.namedTaskId, step],
  );
}

test.each(['task', 'handler'] as const)('nothing of a %s that is paused is handed over', async (scope) => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  const subject = scope === 'task' ? String(world.taskId) : world.handler;
  await pause(home.database, { scope, subject }, { by: 'ann' });
  const { claimed, ready_handlers } = await handOver(world, {}, completed(world, 'a'));
  expect([claimed, ready_handlers, await readySteps(world)]).toEqual([[], [], ['b']]);
  await home.database.query('select treadle.resume($1, $2)', [scope, subject]);
  expect(await claim(world)).toEqual(['b']);
});

test('a worker that was declared dead gets nothing, and its outcome does not count', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  await takeBackLostSteps(home.database);
  const { claimed, refused } = await handOver(world, {}, completed(world, 'a'));
  expect([claimed, refused, await readySteps(world)]).toEqual([[], [idOf(world, 'a')], ['a']]);
});

test('a worker whose row is gone records what it still holds and gets nothing for it', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  const { claimed, refused } = await handOver(world, {}, completed(world, 'a'));
  expect([claimed, refused, await readySteps(world)]).toEqual([[], [], ['b']]);
});

test('whoever declares a worker dead waits until its children are claimed, and takes them back too', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  const [recording, taking] = [await openTransaction(home.database), await openTransaction(home.database)];
  await handOver({ ...world, db: recording }, {}, completed(world, 'a'));
  const left = taking.query('select given_back from treadle.leave_worker($1, $2)', [
    world.worker.worker_id,
    world.worker.epoch,
  ]);
  await untilBlocked(home.database, taking.pid);
  await recording.commit();
  expect(await left).toEqual([{ given_back: 1 }]);
});

test('nothing is handed over in a task that has ended meanwhile', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await writeAsRails(home.database, 'task', world.taskId, 'error');
  const { claimed } = await handOver(world, {}, completed(world, 'a'));
  expect([claimed, await readySteps(world)]).toEqual([[], []]);
});

test('a step that may run again at once is offered, not handed over', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claimLate(world);
  const { claimed, ready_handlers } = await handOver(world, {}, failed(world, 'a', 0));
  expect([claimed, ready_handlers, await readySteps(world)]).toEqual([[], [world.handler], ['a']]);
});

test('a child that an operator gave new attempts is handed over with a start of its own', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await claim(world);
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'b'), 'error');
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'b'), 'pending');
  expect(namesIn(await handOver(world, {}, completed(world, 'a')))).toEqual(['b']);
  await handOver(world, {}, completed(world, 'b'));
  expect(await inProgress(world, 'b')).toEqual(['error', 'pending', 'in_progress', 'complete']);
});

test('a child whose gate was lost waits for the sweep, and never runs before its other parent', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  await claim(world);
  await home.database.query('delete from treadle.gates where task_id = $1', [world.taskId]);
  const { claimed } = await handOver(world, {}, completed(world, 'a'));
  expect([claimed, await readySteps(world)]).toEqual([[], []]);
});

test('a recording takes no step that another worker is claiming', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['a'] });
  await claim(world);
  const other = await withOtherWorker(world);
  await record(world, completed(world, 'a'));
  const claiming = await openTransaction(home.database);
  await claim({ ...other, db: claiming }, 1);
  const { claimed } = await handOver(world, {}, completed(world, 'a'));
  await claiming.commit();
  expect([claimed, await claimsOf(world), await readySteps(world)]).toEqual([[], 1, ['c']]);
});

test('outcomes of many tasks bring the children of all of them', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  const other = await sibling(world);
  await claim(world);
  const { claimed } = await handOver(world, {}, completed(world, 'a'), completed(other, 'a'));
  expect(claimed.map(({ task_id }) => task_id)).toEqual([world.taskId, other.taskId]);
});

test('who started a child that was handed over stands in the trail', async () => {
  const world = await createdWorld(home.database, { a: [], b: ['a'] });
  await startTasks(home.database, [world.taskId]);
  await claimLate(world);
  await handOver(world, {}, completed(world, 'a'));
  await record(world, completed(world, 'b'));
  const [start] = await trailOf(home.database, 'workflow_step', idOf(world, 'b'));
  expect(start?.metadata).toMatchObject({
    event: 'start',
    worker_id: world.worker.worker_id,
    attempt_number: 1,
  });
  expect(await stateOfTask(home.database, world.taskId)).toBe('complete');
});

const first = (world: World) => ({ handlers: [world.handler], capacity: 10, lateStart: true });

test('the first steps of a task come with its start', async () => {
  const world = await createdWorld(home.database, { a: [], b: [], c: ['a'] });
  const { claimed, ready_handlers } = await startTasks(
    home.database,
    [world.taskId],
    world.worker,
    first(world),
  );
  expect(claimed.map(({ step_name }) => step_name)).toEqual(['a', 'b']);
  expect([ready_handlers, await readySteps(world), await claimsOf(world)]).toEqual([[], [], 2]);
});

test('who starts a task takes first what has waited longer', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const next = await sibling(world);
  await home.database.query('delete from treadle.ready_steps where task_id = $1', [next.taskId]);
  const claimOne = { ...first(world), capacity: 1 };
  const { claimed, ready_handlers } = await startTasks(home.database, [next.taskId], world.worker, claimOne);
  expect(claimed.map(({ task_id }) => task_id)).toEqual([world.taskId]);
  expect(ready_handlers).toEqual([world.handler]);
});

test('a worker that was declared dead starts tasks for others', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  const { claimed } = await startTasks(home.database, [world.taskId], world.worker, first(world));
  expect([claimed, await readySteps(world)]).toEqual([[], ['a']]);
});
