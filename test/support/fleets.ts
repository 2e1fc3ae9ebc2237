// Worlds whose named task can be given to the Rails engine and back, and what the tables of the fleet say about them.
import { chooseEngine, moveTasks, type Chosen, type FleetEngine, type Moved } from '../../sql/fleet.ts';
import type { Executor } from '../../sql/database.ts';
import type { World } from './factories.ts';

export const ann = { by: 'ann', reason: 'the migration' };

/** `namespace/name` of the task of a world. */
export async function subjectOf({ db, namedTaskId }: Pick<World, 'db' | 'namedTaskId'>): Promise<string> {
  const [row] = await db.query<{ subject: string }>(
    `select s.name || '/' || n.name as subject
     from public.tasker_named_tasks n
     join public.tasker_task_namespaces s using (task_namespace_id)
     where n.named_task_id = $1`,
    [namedTaskId],
  );
  return row?.subject ?? '';
}

/** Chooses an engine for the named task of a world; nothing has moved yet. */
export async function choose(world: World, engine: FleetEngine): Promise<Chosen> {
  return chooseEngine(world.db, { subject: await subjectOf(world), engine }, ann);
}

/** Moves whatever can be moved now. Returns the last answer; undefined: nothing moves any more. */
export async function moveAll(db: Executor, limit = 100): Promise<Moved | undefined> {
  for (;;) {
    const page = await moveTasks(db, limit);
    if (!page?.more) return page;
  }
}

/** The row of a task in the outbox for Rails: why, and how many seconds off. */
export async function forRails({
  db,
  taskId,
}: Pick<World, 'db' | 'taskId'>): Promise<{ reason: string; in: number } | undefined> {
  const [row] = await db.query<{ reason: string; in: number }>(
    `select reason, greatest(round(extract(epoch from run_at - treadle.now())), 0)::integer as in
     from treadle.tasks_for_rails
     where task_id = $1`,
    [taskId],
  );
  return row;
}
