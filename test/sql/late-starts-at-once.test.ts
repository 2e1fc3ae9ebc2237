// Late starts on two connections at once: whoever writes the start, the end, or takes the step away, and a Rails app in the
// same instant. No half of a pair, no deadlock, and nobody waits without need.
import { expect, test } from 'vitest';
import { cancelTasks } from '../../sql/controls.ts';
import { recordOutcomes } from '../../sql/outcomes.ts';
import { writeStarts } from '../../sql/steps.ts';
import { settleChangedTasks } from '../../sql/tasks.ts';
import {
  claimLate,
  completed,
  idOf,
  record,
  startedWorld,
  writeAsRails,
  type Shape,
  type World,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { claimsOf, statesOfSteps, statesThrough } from '../support/trail.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';

const home = testDatabase();
const ann = { by: 'ann', reason: 'a test' };

const through = (world: World): Promise<string[]> =>
  statesThrough(home.database, 'workflow_step', idOf(world, 'a'));

/** Claims of this worker, as an engine knows them. */
const claimsIn = (world: World) =>
  home.database.query<{ claim_id: number; workflow_step_id: number; on_record: boolean }>(
    'select claim_id, workflow_step_id, on_record from treadle.claims where task_id = $1 order by 2',
    [world.taskId],
  );

const showLong = async (world: World): Promise<void> => writeStarts(world.db, await claimsIn(world));

/** Claimed, and no in_progress row is written. */
async function claimedLate(shape: Shape = { a: [] }): Promise<World> {
  const world = await startedWorld(home.database, shape);
  await claimLate(world);
  return world;
}

test('a recording that waits for a start to be written writes no second one', async () => {
  const world = await claimedLate();
  const [writing, recording] = [await openTransaction(home.database), await openTransaction(home.database)];
  await showLong({ ...world, db: writing });
  const recorded = record({ ...world, db: recording }, completed(world, 'a'));
  await untilBlocked(home.database, recording.pid);
  await writing.commit();
  expect((await recorded).refused).toEqual([]);
  await recording.commit();
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('a start that comes while the step is being recorded does not wait, and writes nothing', async () => {
  const world = await claimedLate();
  const recording = await openTransaction(home.database);
  await record({ ...world, db: recording }, completed(world, 'a'));
  await showLong(world);
  await recording.commit();
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('who takes the step away waits for a start that is being written', async () => {
  const world = await claimedLate();
  const [writing, cancelling] = [await openTransaction(home.database), await openTransaction(home.database)];
  await showLong({ ...world, db: writing });
  const cancelled = cancelTasks(cancelling, [world.taskId], ann);
  await untilBlocked(home.database, cancelling.pid);
  await writing.commit();
  await cancelled;
  await cancelling.commit();
  expect(await through(world)).toEqual(['in_progress', 'cancelled']);
});

/** Outcomes as the recorder sends them. */
async function outcomes(world: World, ...steps: string[]) {
  const claims = await claimsIn(world);
  return steps.map((step) => {
    const { claim_id = 0 } = claims.find((row) => row.workflow_step_id === idOf(world, step)) ?? {};
    return { ...completed(world, step), claim_id };
  });
}

test('a Rails app that writes in the same instant leaves no half of a pair, and wins', async () => {
  const world = await claimedLate({ a: [], b: [] });
  const [rails, recording] = [await openTransaction(home.database), await openTransaction(home.database)];
  await writeAsRails(rails, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  const both = await outcomes(world, 'a', 'b');
  const recorded = recordOutcomes(recording, world.worker, both);
  await untilBlocked(home.database, recording.pid);
  await rails.commit();
  const { refused_claim_ids } = await recorded;
  await recording.commit();
  expect(refused_claim_ids).toEqual([both[0]?.claim_id]);
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'resolved_manually', b: 'complete' });
});

test('a Rails app that comes second in the same instant is told so', async () => {
  const world = await claimedLate();
  const [rails, recording] = [await openTransaction(home.database), await openTransaction(home.database)];
  await recordOutcomes(recording, world.worker, await outcomes(world, 'a'));
  const written = writeAsRails(rails, 'workflow_step', idOf(world, 'a'), 'resolved_manually').catch(
    (error: unknown) => error,
  );
  await untilBlocked(home.database, rails.pid);
  await recording.commit();
  expect(await written).toMatchObject({ details: { sqlstate: '23505' } });
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('a start that meets the first row of a Rails app in the same instant is left out, and the claim is void', async () => {
  const world = await claimedLate();
  const [rails, writing] = [await openTransaction(home.database), await openTransaction(home.database)];
  await writeAsRails(rails, 'workflow_step', idOf(world, 'a'), 'in_progress');
  const written = showLong({ ...world, db: writing });
  await untilBlocked(home.database, writing.pid);
  await rails.commit();
  await written;
  await writing.commit();
  expect([await through(world), await claimsIn(world)]).toMatchObject([
    ['in_progress'],
    [{ on_record: false }],
  ]);
  await settleChangedTasks(home.database, 100);
  expect(await claimsOf(world)).toBe(0);
});
