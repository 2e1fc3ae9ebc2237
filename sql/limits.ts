// How many steps may run at once, and start within a period: one TypeScript function per SQL function, nothing added. The
// engines of the database are told by the functions themselves.
import type { Executor } from './database.ts';

/** The limits that are set by people; those of tasks and steps are said by templates. */
export type SettableScope = 'namespace' | 'handler';

export interface LimitSubject {
  readonly scope: SettableScope;
  /** A name. */
  readonly subject: string;
}

/** What is left out stays as it is. */
export interface LimitsToSet {
  readonly concurrency?: number | undefined;
  readonly rate?: { readonly limit: number; readonly per_ms: number } | undefined;
}

/** Counts from the next claim on. Throws `invalid_argument`: no such namespace or handler, a number below 1. */
export async function setLimits(
  db: Executor,
  { scope, subject }: LimitSubject,
  { concurrency, rate }: LimitsToSet,
): Promise<void> {
  await db.query('select treadle.set_limits($1, $2, $3, $4, make_interval(secs => $5))', [
    scope,
    subject,
    concurrency ?? null,
    rate?.limit ?? null,
    rate ? rate.per_ms / 1000 : null,
  ]);
}

/** Of one kind, or of both. Returns how many there were. */
export async function removeLimits(
  db: Executor,
  { scope, subject }: LimitSubject,
  kind?: ListedLimit['kind'],
): Promise<number> {
  const [row] = await db.query<{ removed: number }>('select treadle.remove_limits($1, $2, $3) as removed', [
    scope,
    subject,
    kind ?? null,
  ]);
  return row?.removed ?? 0;
}

/** What a limit says. */
export interface SaidLimit {
  readonly scope: SettableScope | 'task' | 'step';
  /** A name; namespace/task; namespace/task/step. */
  readonly subject: string;
  readonly kind: 'concurrency' | 'rate';
  readonly amount: number;
  /** Of a rate. */
  readonly per_ms: number | null;
  readonly key: string | null;
}

export interface ListedLimit extends SaidLimit {
  /** Steps that run; of a rate, starts within the last period. Of all keys together. */
  readonly in_use: number;
  /** Ready steps that it concerns. */
  readonly waiting: number;
  /** How many values of the key these have. */
  readonly keys: number;
}

export async function listLimits(db: Executor): Promise<ListedLimit[]> {
  return db.query('select * from treadle.list_limits()');
}

/** What a limit does now. */
export interface LimitEffect extends SaidLimit {
  /** Ready steps that it has no room for. */
  readonly held_back: number;
  /** False: no registered template has a step that it could limit. */
  readonly concerns_steps: boolean;
}

export async function limitEffects(db: Executor): Promise<LimitEffect[]> {
  return db.query('select * from treadle.limit_effects()');
}
