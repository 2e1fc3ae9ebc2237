// Finding and mending tasks that are stuck: one TypeScript function per SQL function, nothing added.
import type { Executor } from './database.ts';
import type { Aftermath } from './steps.ts';

/** What was wrong with a task (treadle.task_troubles says when). */
export const TROUBLES = [
  'overdue',
  'void_claim',
  'lost_claim',
  'false_offer',
  'lost_offer',
  'wrong_gate',
  'no_wakeup',
  'late_wakeup',
] as const;
export type Trouble = (typeof TROUBLES)[number];

/** Tasks that were looked at closely, and mended where something was wrong. */
export interface CheckedTasks extends Aftermath {
  readonly checked: number;
  /** Where the next page goes on; null when there was nothing to check. */
  readonly last_task_id: number | null;
  /** How many tasks had this trouble and have been mended. */
  readonly troubles: Readonly<Partial<Record<Trouble, number>>>;
  readonly task_ids: readonly number[];
  /** Tasks that could not even be looked at, or not be mended, and what Postgres said. */
  readonly failures: readonly { readonly task_id: number; readonly error: string }[];
}

export interface SweepOptions {
  /** Look only at tasks with greater ids; 0 begins a sweep. */
  readonly after: number;
  /** Seconds since the last sweep, by any process, before which none begins. */
  readonly everySeconds: number;
  /** Seconds by which a wake-up may be late before the queue counts as having lost it. */
  readonly graceSeconds: number;
  readonly limit: number;
}

/** `swept` false: another process sweeps, or has done so; it is time again in `due_ms`. */
export type SweptTasks =
  | { readonly swept: false; readonly due_ms: number }
  | (CheckedTasks & { readonly swept: true; readonly due_ms: number });

/** The first half of a sweep: the cheap test over all unfinished tasks. As many checked as `limit`: there may be more. */
export async function sweepTasks(db: Executor, options: SweepOptions): Promise<SweptTasks> {
  const [row] = await db.query<SweptTasks>(
    'select * from treadle.sweep_tasks($1, make_interval(secs => $2), make_interval(secs => $3), $4)',
    [options.after, options.everySeconds, options.graceSeconds, options.limit],
  );
  if (!row) throw new Error('treadle.sweep_tasks returned no row');
  return row;
}

/** The second half, a page at a time: all that is kept about these tasks. Fewer checked than `limit`: that was the last. */
export async function verifyTasks(
  db: Executor,
  options: Omit<SweepOptions, 'everySeconds'>,
): Promise<CheckedTasks> {
  const [row] = await db.query<CheckedTasks>(
    'select * from treadle.verify_tasks($1, make_interval(secs => $2), $3)',
    [options.after, options.graceSeconds, options.limit],
  );
  if (!row) throw new Error('treadle.verify_tasks returned no row');
  return row;
}

/**
 * Counts all tasks and steps by state when that is due, and keeps the numbers (treadle.state_counts): some tenths of a second for a
 * million steps. False: it was not due.
 */
export async function recountStates(db: Executor, everySeconds: number): Promise<boolean> {
  const [row] = await db.query<{ counted: boolean }>(
    'select treadle.recount_states(make_interval(secs => $1)) as counted',
    [everySeconds],
  );
  return row?.counted ?? false;
}
