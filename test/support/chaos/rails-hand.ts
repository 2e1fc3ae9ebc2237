// A transition as a Rails app writes it through Statesman: from the row that it has read, with the next sort_key. Who was
// overtaken gets a unique violation, and nothing is written.
import { TreadleError } from '../../../core/errors.ts';
import type { Database, Executor } from '../../../sql/database.ts';

type Machine = 'workflow_step' | 'task';

/** From which states a Rails app makes these moves. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  'workflow_step resolved_manually': ['pending', 'error'],
  'task cancelled': ['pending', 'in_progress'],
};

/** Who has moved in this state, in the order of their ids. */
export async function movable(db: Executor, what: Machine, toState: string): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    `select o.${what}_id as id
     from public.tasker_${what}s o
     left join public.tasker_${what}_transitions c on c.${what}_id = o.${what}_id and c.most_recent
     where coalesce(c.to_state, 'pending') = any ($1)
     order by 1`,
    [SOURCES[`${what} ${toState}`]],
  );
  return rows.map(({ id }) => id);
}

/** Returns the state it was in; undefined when it has moved on meanwhile. Run it in a transaction. */
export async function moveLikeRails(
  db: Executor,
  what: Machine,
  id: number,
  toState: string,
): Promise<string | undefined> {
  const [read] = await db.query<{ sort_key: number; to_state: string }>(
    `select sort_key, to_state from public.tasker_${what}_transitions where ${what}_id = $1 and most_recent`,
    [id],
  );
  const from = read?.to_state ?? 'pending';
  if (!SOURCES[`${what} ${toState}`]?.includes(from)) return undefined;
  await db.query(
    `update public.tasker_${what}_transitions
     set most_recent = false, updated_at = now() at time zone 'UTC'
     where ${what}_id = $1 and most_recent`,
    [id],
  );
  await db.query(
    `insert into public.tasker_${what}_transitions
       (${what}_id, to_state, metadata, sort_key, most_recent, created_at, updated_at)
     values ($1, $2, '{}', $3, true, now() at time zone 'UTC', now() at time zone 'UTC')`,
    [id, toState, (read?.sort_key ?? 0) + 10],
  );
  return from;
}

/** In a transaction of its own. Returns what was done; undefined when there was nothing to do, or somebody was faster. */
export async function actLikeRails(
  database: Database,
  what: Machine,
  toState: string,
  nth: number,
): Promise<string | undefined> {
  const ids = await movable(database, what, toState);
  const id = ids[nth % Math.max(ids.length, 1)];
  if (id === undefined) return undefined;
  try {
    const from = await database.transaction((tx) => moveLikeRails(tx, what, id, toState));
    return from && `${what} ${id}, ${from} -> ${toState}`;
  } catch (error) {
    if (wasOvertaken(error)) return undefined;
    throw error;
  }
}

/** Somebody else wrote the next row of the same trail (23505), or the task was pruned meanwhile (23503). */
export function wasOvertaken(error: unknown): boolean {
  return error instanceof TreadleError && ['23505', '23503'].includes(String(error.details['sqlstate']));
}
