// Locks that keep others waiting, for a moment only: a transaction that cannot have them at once lets go and is tried again, less and
// less often, until they are there or patience ends.
import { setTimeout as pause } from 'node:timers/promises';
import { TreadleError } from '../../core/errors.ts';
import { FIRST_LOCK_MS, isLockTimeout, restLonger } from '../adoption/locks.ts';
import { holderText, type Holder } from '../adoption/server.ts';
import type { Database, Executor } from '../database.ts';

export interface Patience {
  /** For how long to try to get one lock. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export interface BriefLock {
  readonly attempts: number;
  /** From asking for the lock to the commit: no writer can have waited for longer. */
  readonly ms: number;
}

/** What is done once the transaction may wait for its lock: `begin` says so. */
type Work<Result> = (tx: Executor, begin: () => Promise<void>) => Promise<Result>;

/**
 * Runs `work` in a transaction in which nothing waits for longer than a moment after `begin`.
 * Undefined: it was interrupted before it could be done.
 * @throws TreadleError `database_error` when transactions of others kept the lock on `relation` from us all the time.
 */
export async function withBriefLock<Result>(
  database: Database,
  relation: string,
  { patienceMs, signal }: Patience,
  work: Work<Result>,
): Promise<(BriefLock & { readonly result: Result }) | undefined> {
  const giveUpAt = performance.now() + patienceMs;
  for (let attempts = 1; !signal.aborted; attempts += 1) {
    let askedAt = performance.now();
    try {
      // oxlint-disable-next-line no-await-in-loop -- one attempt after the other
      const result = await database.transaction((tx) =>
        work(tx, async () => {
          askedAt = performance.now();
          // what a crash forgets is made again, and the disk keeps nobody waiting
          await tx.query(`set local synchronous_commit = off; set local lock_timeout = ${FIRST_LOCK_MS}`);
        }),
      );
      return { attempts, ms: Math.round(performance.now() - askedAt), result };
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (performance.now() > giveUpAt) throw await gaveUp(database, relation, attempts, error);
    }
    // oxlint-disable-next-line no-await-in-loop -- nobody shall queue up behind us meanwhile
    await pause(restLonger(attempts), undefined, { signal }).catch(() => {});
  }
  return undefined;
}

async function gaveUp(
  database: Database,
  relation: string,
  attempts: number,
  cause: unknown,
): Promise<TreadleError> {
  const [holder] = await database.query<Holder>(HOLDER, [`public.${relation}`]);
  const who = holder === undefined ? '' : `; ${holderText(holder)}`;
  return new TreadleError(
    'database_error',
    `${relation} needs a moment in which nobody uses it: none came in ${attempts} attempts${who}; nobody was kept waiting, ` +
      'and what is done is done: run it again, or give it more time with --patience',
    { cause, details: { relation, attempts } },
  );
}

const HOLDER = `
  select a.pid, a.application_name, extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
  from pg_catalog.pg_locks l
  join pg_catalog.pg_stat_activity a on a.pid = l.pid
  where l.granted and l.relation = to_regclass($1) and a.datname = current_database() and a.pid <> pg_backend_pid()
    and a.xact_start is not null
  order by a.xact_start
  limit 1`;
