// Adopts a database of the Rails engine while its app writes: the schema treadle, the triggers on two tables of Rails, then the
// unfinished tasks, a few at a time. Every part is a transaction of its own; killed anywhere, the next run does the rest.
import { setTimeout as pause } from 'node:timers/promises';
import { TreadleError } from '../../core/errors.ts';
import type { Database, Executor } from '../database.ts';
import { migrate, migrationStatus } from '../migrate.ts';
import { isLockTimeout, lockHolders, lockTransitions, restLonger } from './locks.ts';
import { holderText } from './server.ts';

export interface AdoptOptions {
  /** For how long to try to get the two locks that triggers need, each time for a moment only. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told what is done, one line at a time. */
  readonly onProgress?: (line: string) => void;
  /** Told after every batch of tasks. */
  readonly onTasks?: (tasks: AdoptedTasks) => void;
}

export interface AdoptedTasks {
  /** Open tasks that were looked at, those that are nobody's business among them. */
  readonly looked_at: number;
  readonly adopted: number;
}

export interface Adoption extends AdoptedTasks {
  /** Migrations that this run applied. */
  readonly applied: readonly string[];
  /** How often the locks could not be had at once. */
  readonly lock_attempts: number;
  /** From asking for the locks of the triggers to the commit: no writer can have waited for longer. 0: they were there. */
  readonly locks_ms: number;
  readonly interrupted: boolean;
}

/** Without it nothing of Treadle is there, with the next one two tables of Rails get triggers. */
const BEFORE_TRIGGERS = '0002_treadle_schema';
const TRIGGERS = '0003_change_triggers';

/** A batch is made larger or smaller until it takes about so long: so long may an update of Rails wait for one of its tasks. */
const BATCH_MS = 25;
const FIRST_TASKS = 20;
/** With fewer, most of the time would go into the statement itself. */
const FEWEST_TASKS = 10;
const MOST_TASKS = 500;

/**
 * Safe to run again at any time, and beside engines: what is done is done.
 * @throws TreadleError `schema_mismatch` as migrate does; `database_error` when transactions of others kept the locks from us for all
 * of `patienceMs`.
 */
export async function adopt(database: Database, options: AdoptOptions): Promise<Adoption> {
  const { onProgress = () => {} } = options;
  const say = { onProgress };
  const schema = await migrate(database, { ...say, through: BEFORE_TRIGGERS });
  const triggers = await makeTriggers(database, options);
  const begun = {
    applied: [...schema.applied, ...triggers.applied],
    lock_attempts: triggers.attempts,
    locks_ms: triggers.ms,
  };
  if (options.signal.aborted) return { ...begun, looked_at: 0, adopted: 0, interrupted: true };
  const schemaRest = await migrate(database, say);
  const { finished, ...tasks } = await adoptTasks(database, options);
  return { ...begun, applied: [...begun.applied, ...schemaRest.applied], ...tasks, interrupted: !finished };
}

/** Open tasks, finished with an error or not yet finished: as many as adoption looks at. */
export async function countOpenTasks(db: Executor): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'select count(*) from public.tasker_tasks where complete = false',
  );
  return row?.count ?? 0;
}

async function makeTriggers(
  database: Database,
  { patienceMs, signal, onProgress }: AdoptOptions,
): Promise<{ applied: readonly string[]; attempts: number; ms: number }> {
  const { pending } = await migrationStatus(database);
  if (!pending.includes(TRIGGERS)) return { applied: [], attempts: 0, ms: 0 };
  const giveUpAt = performance.now() + patienceMs;
  for (let attempts = 1; ; attempts += 1) {
    let askedAt = 0;
    const beforeApplying = async (tx: Executor): Promise<void> => {
      askedAt = performance.now();
      await lockTransitions(tx);
    };
    try {
      const { applied } = await migrate(database, { through: TRIGGERS, beforeApplying });
      const ms = Math.round(performance.now() - askedAt);
      onProgress?.(`applied ${TRIGGERS}, at attempt ${attempts}, under locks for at most ${ms} ms`);
      return { applied, attempts, ms };
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      if (signal.aborted) return { applied: [], attempts, ms: 0 };
      if (performance.now() > giveUpAt) throw await gaveUp(database, attempts, error);
    }
    await rest(attempts, signal);
  }
}

async function gaveUp(database: Database, attempts: number, cause: unknown): Promise<TreadleError> {
  const [holder] = await lockHolders(database);
  const who = holder === undefined ? '' : `; ${holderText(holder)}`;
  return new TreadleError(
    'database_error',
    `the triggers on the transition tables need a moment in which nobody writes them: none came in ${attempts} attempts${who}; ` +
      'nobody was kept waiting and nothing is lost: run it again, or give it more time with --patience',
    { cause, details: { attempts } },
  );
}

async function rest(attempts: number, signal: AbortSignal): Promise<void> {
  await pause(restLonger(attempts), undefined, { signal }).catch(() => {});
}

async function adoptTasks(
  database: Database,
  { signal, onTasks, patienceMs }: AdoptOptions,
): Promise<AdoptedTasks & { readonly finished: boolean }> {
  let sum: AdoptedTasks = { looked_at: 0, adopted: 0 };
  let after = 0;
  let limit = FIRST_TASKS;
  let failures = 0;
  let movedAt = performance.now();
  while (!signal.aborted) {
    const batch = await nextBatch(database, after, limit);
    if (batch === undefined) {
      if (performance.now() > movedAt + patienceMs) throw heldTask(after);
      limit = 1; // past the others, up to the one that somebody holds
      failures += 1;
      await rest(failures, signal);
      continue;
    }
    limit = fittingLimit(limit, batch.took_ms);
    failures = 0;
    movedAt = performance.now();
    sum = { looked_at: sum.looked_at + batch.looked_at, adopted: sum.adopted + batch.adopted };
    onTasks?.(sum);
    if (batch.last_task_id === null) return { ...sum, finished: true };
    after = batch.last_task_id;
    if (batch.adopted > 0) await pause(batch.took_ms / 2); // the server has others to serve
  }
  return { ...sum, finished: false };
}

function heldTask(after: number): TreadleError {
  return new TreadleError(
    'database_error',
    `the first unfinished task after ${after} is locked by a transaction of somebody else: let it end and run this again; what is done is done`,
    { details: { after } },
  );
}

function fittingLimit(limit: number, tookMs: number): number {
  if (tookMs < BATCH_MS / 2) return Math.min(limit * 2, MOST_TASKS);
  return tookMs > BATCH_MS * 2 ? Math.max(Math.floor(limit / 2), FEWEST_TASKS) : limit;
}

interface Batch extends AdoptedTasks {
  /** Null: there was none left. */
  readonly last_task_id: number | null;
  /** Inside the statement: for so long it held the tasks. */
  readonly took_ms: number;
}

/** Undefined: somebody holds one of these tasks; it waited a moment, and let go of the others. */
async function nextBatch(database: Database, after: number, limit: number): Promise<Batch | undefined> {
  try {
    const [batch] = await database.query<Batch>('select * from treadle.adopt_tasks($1, $2)', [after, limit]);
    return batch;
  } catch (error) {
    if (isLockTimeout(error)) return undefined;
    throw error;
  }
}
