// Registering templates, creating tasks and moving them: one TypeScript function per SQL function, nothing added.
import { TreadleError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { EnqueueReason, State } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';
import { isLookAgain, unpacked, type ClaimedStep, type Delivery, type LookAgain } from './delivery.ts';
import { NOTHING_TAKEN, type HandOver } from './outcomes.ts';
import { NO_AFTERMATH, type Aftermath, type TaskDecision, type WorkerIdentity } from './steps.ts';

/** `template` with its environment applied, `configuration` as the author wrote it. Returns the named_task_id. */
export async function registerTemplate(
  db: Executor,
  template: object,
  configuration: object,
): Promise<number> {
  const [row] = await db.query<{ named_task_id: number }>(
    'select treadle.register_template($1, $2) as named_task_id',
    [JSON.stringify(template), JSON.stringify(configuration)],
  );
  if (!row) throw new Error('treadle.register_template returned no row');
  return row.named_task_id;
}

/** The registered template of this name, the latest version unless one is named. Throws `unknown_template`. */
export async function findNamedTask(
  db: Executor,
  namespace: string,
  name: string,
  version?: string,
): Promise<{ named_task_id: number; version: string; configuration: JsonObject }> {
  const [row] = await db.query<{ named_task_id: number; version: string; configuration: JsonObject }>(
    `select named_task_id, version, configuration
     from public.tasker_named_tasks
     where named_task_id = treadle.find_named_task($1, $2, $3)`,
    [namespace, name, version ?? null],
  );
  if (row) return row;
  const wanted = `${namespace}/${name}${version ? `@${version}` : ''}`;
  throw new TreadleError('unknown_template', `no template is registered for ${wanted}`);
}

/** One task to create. `identity_hash` must be unique in the database; `run_at` is the earliest start. */
export interface TaskRow {
  readonly identity_hash: string;
  readonly context: JsonObject;
  readonly initiator?: string;
  readonly source_system?: string;
  readonly reason?: string;
  readonly tags?: Json;
  readonly bypass_steps?: readonly string[];
  readonly requested_at?: string;
  readonly run_at?: string;
  /** Until when the task must have ended. */
  readonly deadline_at?: string;
  /** The same in seconds from its earliest start. Default: what the template says. */
  readonly deadline_seconds?: number;
}

/** A created task, or the one that already had the identity (`created` false). */
export interface CreatedTask {
  readonly task_id: number;
  readonly created: boolean;
}

/** All of them or none, in order. `enqueued`: the caller puts the new ones into the queue in this transaction. */
export async function createTasks(
  db: Executor,
  namedTaskId: number,
  requests: readonly TaskRow[],
  options: { readonly enqueued: boolean },
): Promise<CreatedTask[]> {
  const rows = await db.query<{ task_id: number | string; created: boolean }>(
    'select task_id, created from treadle.create_tasks($1, $2, $3) order by ordinal',
    [namedTaskId, JSON.stringify(requests), options.enqueued],
  );
  // a client of the application reads int8 as text, unlike ours
  return rows.map(({ task_id, created }) => ({ task_id: Number(task_id), created }));
}

/**
 * Ends tasks whose deadline has passed. `next_in_ms`: how far off the earliest deadline is that is left; null when there
 * is none, 0 or less when it has passed and its task is being written to.
 */
export async function expireTasks(
  db: Executor,
  limit: number,
): Promise<{ readonly finalized: readonly TaskDecision[]; readonly next_in_ms: number | null }> {
  const [row] = await db.query<{ finalized: TaskDecision[]; next_in_ms: number | null }>(
    'select * from treadle.expire_tasks($1)',
    [limit],
  );
  return row ?? { finalized: [], next_in_ms: null };
}

export interface Started extends Aftermath {
  /** Steps that the same transaction has claimed for the worker that asked for them. */
  readonly claimed: readonly ClaimedStep[];
}

/** Starts tasks, and claims for a worker what can run now, as `claimSteps` does. */
export async function startTasks(
  db: Executor,
  taskIds: readonly number[],
  worker?: WorkerIdentity,
  claim: HandOver & { readonly announce?: boolean } = NOTHING_TAKEN,
): Promise<Started> {
  const rows = await db.query<Aftermath & { readonly delivery: Delivery | LookAgain | null }>(
    'select * from treadle.start_tasks($1, $2, $3, $4, $5, $6, $7, $8, $9)',
    [
      taskIds,
      worker?.worker_id ?? null,
      worker?.epoch ?? null,
      claim.handlers,
      claim.capacity,
      claim.announce ?? false,
      claim.lateStart,
      claim.crews ?? null,
      claim.slots ?? null,
    ],
  );
  const claimed = rows.flatMap(({ delivery }) =>
    delivery && worker && !isLookAgain(delivery) ? unpacked(delivery, worker) : [],
  );
  const [{ delivery: _, ...aftermath } = { ...NO_AFTERMATH, delivery: null }] = rows;
  return { ...aftermath, claimed };
}

/** Brings tasks that somebody else wrote to back under Treadle; undefined when nobody did. */
export async function settleChangedTasks(db: Executor, limit: number): Promise<Aftermath | undefined> {
  const [row] = await db.query<Aftermath>('select * from treadle.settle_changed_tasks($1)', [limit]);
  return row;
}

/** A task that must be handed to the queue. `delay_ms` is how far off `run_at` is by the clock of Postgres. */
export interface Wakeup {
  readonly task_id: number;
  readonly run_at: Date;
  readonly reason: EnqueueReason;
  readonly delay_ms: number;
  /** The highest of the steps of its template, -100 to 100. */
  readonly priority: number;
  readonly correlation_id: string;
}

/**
 * Takes wake-ups in the order of their instants, those that are due within `aheadMs` (default: all); they count as handed
 * over when the surrounding transaction commits, so enqueue them before.
 */
export async function takeWakeups(db: Executor, limit: number, aheadMs?: number): Promise<Wakeup[]> {
  return db.query<Wakeup>('select * from treadle.take_wakeups($1, make_interval(secs => $2))', [
    limit,
    aheadMs === undefined ? null : aheadMs / 1000,
  ]);
}

/** Wake-ups that the queue does not know of. */
export interface WaitingWakeups {
  /** Those that could be handed over now. */
  readonly waiting: number;
  /** How far off the first of the others is; null: there is none. */
  readonly next_in_ms: number | null;
}

/** `aheadMs` as in takeWakeups. */
export async function waitingWakeups(db: Executor, aheadMs?: number): Promise<WaitingWakeups> {
  const [row] = await db.query<WaitingWakeups>(
    'select * from treadle.waiting_wakeups(make_interval(secs => $1))',
    [aheadMs === undefined ? null : aheadMs / 1000],
  );
  return row ?? { waiting: 0, next_in_ms: null };
}

/** Wake-ups that the queue must have lost go back to be handed over. Returns how many. */
export async function returnLostWakeups(db: Executor, graceSeconds: number): Promise<number> {
  const [row] = await db.query<{ returned: number }>(
    'select treadle.return_lost_wakeups(make_interval(secs => $1)) as returned',
    [graceSeconds],
  );
  return row?.returned ?? 0;
}

export type EngineMessage = 'ready' | 'wakeups' | 'changed' | 'rails';

/** Wakes whoever listens on the channel `treadle`. Notifications are serialised at commit: signal only when it helps. */
export async function notifyEngines(db: Executor, message: EngineMessage): Promise<void> {
  await db.query(`select pg_notify('treadle', $1)`, [message]);
}

/** The current state of a task. Throws `unknown_task`. */
export async function taskState(db: Executor, taskId: number): Promise<State> {
  const [row] = await db.query<{ state: State }>(
    `select coalesce(c.to_state, 'pending') as state
     from public.tasker_tasks t
     left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
     where t.task_id = $1`,
    [taskId],
  );
  if (row) return row.state;
  throw new TreadleError('unknown_task', `there is no task ${taskId}`);
}

/** For queues that forget: wakes every task of ours that has not ended. Returns how many. */
export async function wakeUnfinishedTasks(db: Executor): Promise<number> {
  const [row] = await db.query<{ woken: number }>('select treadle.wake_unfinished_tasks() as woken');
  return row?.woken ?? 0;
}
