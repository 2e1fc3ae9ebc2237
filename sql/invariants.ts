// What is broken in the tables, as treadle.check_invariants says it: what a foreign writer of the Rails engine's tables must keep, and
// what holds between those and our own.
import type { Executor } from './database.ts';

export interface Violation {
  /** The rule, in a word or two: trail_order, complete_columns, acyclic, ... */
  readonly invariant: string;
  readonly subject: 'task' | 'step' | 'edge';
  readonly subject_id: number;
  readonly task_id: number;
  /** What is wrong with the subject, as the end of a sentence. */
  readonly violation: string;
}

/** Of these tasks, or of all: that reads every row of every table, some seconds for a million steps. */
export async function checkInvariants(db: Executor, taskIds?: readonly number[]): Promise<Violation[]> {
  return db.query<Violation>(
    'select * from treadle.check_invariants($1) order by task_id, invariant, subject_id',
    [taskIds ?? null],
  );
}

/** The tasks that were made last, newest first. */
export async function newestTasks(db: Executor, limit: number): Promise<number[]> {
  const rows = await db.query<{ task_id: number }>(
    'select task_id from public.tasker_tasks order by task_id desc limit $1',
    [limit],
  );
  return rows.map(({ task_id }) => task_id);
}
