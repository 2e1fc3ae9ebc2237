// The only locks of adoption that keep a writer waiting: those that triggers on the two transition tables need. They are waited for
// in moments, and held for one; whoever writes meanwhile waits no longer than that.
import { readFile } from 'node:fs/promises';
import { TreadleError } from '../../core/errors.ts';
import type { Executor } from '../database.ts';
import type { Holder, ServerForAdoption } from './server.ts';

/** While we wait for the first one, writers queue up behind us; while we wait for the second, those of the first still do. */
export const FIRST_LOCK_MS = 20;
const SECOND_LOCK_MS = 10;
const LONGEST_REST_MS = 2000;

/** What it takes, for people. */
export const LOCKS = [
  `SHARE ROW EXCLUSIVE on tasker_task_transitions and tasker_workflow_step_transitions, once, for some ms: waited for in moments of ${FIRST_LOCK_MS} + ${SECOND_LOCK_MS} ms, so that no writer waits for more than 50 ms`,
  'ROW SHARE on tasker_tasks: the rows of a few unfinished tasks at a time, for some 25 ms',
] as const;

/** Takes both, or fails at once. To be called in the transaction that makes the triggers. */
export async function lockTransitions(tx: Executor): Promise<void> {
  await tx.query(
    `set local synchronous_commit = off; -- what a crash forgets is made again, and the disk keeps nobody waiting
     set local lock_timeout = ${FIRST_LOCK_MS};
     lock table public.tasker_workflow_step_transitions in share row exclusive mode;
     set local lock_timeout = ${SECOND_LOCK_MS};
     lock table public.tasker_task_transitions in share row exclusive mode`,
  );
}

export function isLockTimeout(error: unknown): boolean {
  return error instanceof TreadleError && error.details['sqlstate'] === '55P03';
}

/** How many ms to rest after so many attempts: longer and longer, never twice the same, as whoever is in the way has its own rhythm. */
export function restLonger(attempts: number): number {
  const longest = Math.min(50 * 2 ** Math.min(attempts, 10), LONGEST_REST_MS);
  return longest * (0.5 + Math.random() / 2);
}

/** Who holds locks on the two tables for longer than a second, the longest first. */
export async function lockHolders(db: Executor): Promise<readonly Holder[]> {
  const [row] = await db.query<ServerForAdoption>(
    await readFile(new URL('./server.sql', import.meta.url), 'utf8'),
  );
  return row?.holders ?? [];
}
