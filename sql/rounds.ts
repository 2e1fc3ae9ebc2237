// What an engine asks every few seconds, in one statement: one TypeScript function for one SQL function, nothing added.
import type { Executor } from './database.ts';
import type { WorkerIdentity } from './steps.ts';

export interface RoundOptions {
  /** So long this worker counts as alive from now on. */
  readonly leaseSeconds: number;
  /** The claims that it believes to hold. */
  readonly claimIds: readonly number[];
  /** For which handlers to look for ready steps; null: for none. */
  readonly handlers: readonly string[] | null;
  /** A wake-up that the queue was given and that is due for so long is lost. */
  readonly lateSeconds: number;
}

/** What there is to do. Nothing of it has been done. */
export interface Round {
  /** False: this worker was declared dead; nothing that it held is its own any more. */
  readonly alive: boolean;
  /** Claims that it holds no more: taken back, cancelled, ended by another hand. */
  readonly lost_claim_ids: readonly number[];
  /** The lease of some worker has ended, or it left claims behind. */
  readonly deaths: boolean;
  readonly ready: boolean;
  /** Tasks that somebody else wrote to. */
  readonly changed: boolean;
  /** Wake-ups that the queue does not know of. */
  readonly unhanded: boolean;
  /** Wake-ups that the queue has lost. */
  readonly late: boolean;
  /** Wake-ups that the queue knows of and that are due. */
  readonly overdue: boolean;
  /** How far off the next one is that the queue knows of; null: there is none. */
  readonly next_wakeup_in_ms: number | null;
  /** The same of deadlines; 0 or less: it has passed. */
  readonly next_deadline_in_ms: number | null;
  /** The same of the earliest tick of a schedule. */
  readonly next_schedule_in_ms: number | null;
}

/** Says that this worker lives, and finds out what there is to do. */
export async function lookAround(
  db: Executor,
  worker: WorkerIdentity,
  options: RoundOptions,
): Promise<Round> {
  const [row] = await db.query<Round>(
    'select * from treadle.look_around($1, $2, make_interval(secs => $3), $4, $5, make_interval(secs => $6))',
    [
      worker.worker_id,
      worker.epoch,
      options.leaseSeconds,
      options.claimIds,
      options.handlers,
      options.lateSeconds,
    ],
  );
  if (!row) throw new Error('treadle.look_around returned no row');
  return row;
}
