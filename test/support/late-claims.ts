// Claims whose in_progress row is not written yet, for the tests of what happens in that window.
import type { Database } from '../../sql/database.ts';
import { writeStarts } from '../../sql/steps.ts';
import { claimLate, idOf, startedWorld, type World } from './factories.ts';
import { statesThrough, trailOf } from './trail.ts';

/** A started task, whose first steps are claimed; their in_progress rows are not written. */
export async function claimedLate(
  database: Database,
  shape: Readonly<Record<string, readonly string[]>> = { a: [] },
): Promise<World> {
  const world = await startedWorld(database, shape);
  await claimLate(world);
  return world;
}

/** States that a step went through. */
export function through(world: World, step = 'a'): Promise<string[]> {
  return statesThrough(world.db, 'workflow_step', idOf(world, step));
}

/** Metadata of the last row of a step's trail. */
export async function lastOf(world: World, step = 'a') {
  return (await trailOf(world.db, 'workflow_step', idOf(world, step))).at(-1)?.metadata;
}

/** Claims of this worker, as an engine knows them. */
export function claimsIn(world: World) {
  return world.db.query<{ claim_id: number; workflow_step_id: number; on_record: boolean }>(
    'select claim_id, workflow_step_id, on_record from treadle.claims where task_id = $1 order by 2',
    [world.taskId],
  );
}

/** They have run for long: their starts are written. */
export async function showLong(world: World): Promise<void> {
  await writeStarts(world.db, await claimsIn(world));
}
