// Sweeping as the engine does it, for tests: both halves, at once.
import type { Executor } from '../../sql/database.ts';
import { sweepTasks, verifyTasks, type CheckedTasks } from '../../sql/sweep.ts';
import type { World } from './factories.ts';

export const GRACE = { graceSeconds: 5, limit: 1000 };

export async function sweep(db: Executor): Promise<CheckedTasks[]> {
  const swept = await sweepTasks(db, { ...GRACE, after: 0, everySeconds: 0 });
  if (!swept.swept) throw new Error('somebody else sweeps');
  return [swept, await verifyTasks(db, { ...GRACE, after: 0 })];
}

/** What the sweep found wrong with the task of this world. */
export async function troublesOf({ db, taskId }: World): Promise<string[]> {
  const halves = await sweep(db);
  return halves.flatMap(({ task_ids, troubles }) => (task_ids.includes(taskId) ? Object.keys(troubles) : []));
}

/** Nobody is told of what happens in `work`. */
export async function unnoticed(db: Executor, work: () => Promise<void>): Promise<void> {
  await db.query(`select set_config('session_replication_role', 'replica', true)`);
  await work();
  await db.query(`select set_config('session_replication_role', 'origin', true)`);
}
