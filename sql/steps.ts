// Claiming and recording workflow steps: one TypeScript function per SQL function, nothing added.
import type { Backoff } from '../core/retry.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Executor } from './database.ts';

/** A task as every runtime sees it. `requested_at` is ISO-8601 in UTC. */
export interface ClaimedTask {
  readonly task_id: number;
  readonly named_task_id: number;
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly context: JsonObject;
  readonly initiator: string | null;
  readonly source_system: string | null;
  readonly reason: string | null;
  readonly tags: Json;
  readonly requested_at: string;
}

/** A step that this process may run now, with all that its handler needs. `attempt` is 1 for the first. */
export interface ClaimedStep {
  /** The number of this claim: its outcome counts only under it. */
  readonly claim_id: number;
  readonly workflow_step_id: number;
  readonly task_id: number;
  readonly named_task_id: number;
  readonly step_name: string;
  readonly handler: string;
  readonly attempt: number;
  readonly retry_limit: number;
  readonly retryable: boolean;
  readonly inputs: Json;
  readonly results: Json;
  readonly handler_config: JsonObject;
  readonly timeout_ms: number | null;
  readonly backoff: Backoff;
  readonly parent_results: Readonly<Record<string, Json>>;
  readonly task: ClaimedTask;
}

/** Who writes: checked by every statement that changes a claim. */
export interface WorkerIdentity {
  readonly worker_id: number;
  readonly epoch: number;
}

export interface WorkerRegistration {
  readonly name: string;
  readonly handlers: readonly string[];
  readonly capacity: number;
  readonly leaseSeconds: number;
}

export async function registerWorker(db: Executor, worker: WorkerRegistration): Promise<WorkerIdentity> {
  const [row] = await db.query<WorkerIdentity>(
    'select worker_id, epoch from treadle.register_worker($1, $2, $3, make_interval(secs => $4))',
    [worker.name, worker.handlers, worker.capacity, worker.leaseSeconds],
  );
  if (!row) throw new Error('treadle.register_worker returned no row');
  return row;
}

/** False when the worker was declared dead meanwhile: it must register again, its claims are gone. */
export async function heartbeat(
  db: Executor,
  worker: WorkerIdentity,
  leaseSeconds: number,
): Promise<boolean> {
  const [row] = await db.query<{ alive: boolean }>(
    'select treadle.heartbeat($1, $2, make_interval(secs => $3)) as alive',
    [worker.worker_id, worker.epoch, leaseSeconds],
  );
  return row?.alive ?? false;
}

export async function leaveWorker(db: Executor, worker: WorkerIdentity): Promise<void> {
  await db.query('select treadle.leave_worker($1, $2)', [worker.worker_id, worker.epoch]);
}

/** Up to `capacity` steps for these handlers. Throws `fenced` when the worker was declared dead. */
export async function claimSteps(
  db: Executor,
  worker: WorkerIdentity,
  handlers: readonly string[],
  capacity: number,
): Promise<ClaimedStep[]> {
  return db.query<ClaimedStep>('select * from treadle.claim_steps($1, $2, $3, $4)', [
    worker.worker_id,
    worker.epoch,
    handlers,
    capacity,
  ]);
}

/** One outcome as the database takes it. `delay_ms`: wait before the next attempt, null when none may follow. */
export interface OutcomeRow {
  readonly claim_id: number;
  readonly workflow_step_id: number;
  /** `release` gives the step back: no attempt is counted, and it is ready at once. */
  readonly event: 'complete' | 'fail' | 'release';
  readonly results: Json;
  readonly metadata: JsonObject;
  readonly delay_ms: number | null;
}

/** A decision about a task that the database took in the same transaction. */
export interface TaskDecision {
  readonly task_id: number;
  readonly event: 'complete' | 'wait' | 'fail';
  readonly to_state: 'complete' | 'pending' | 'error';
}

/** What a statement that moves tasks leaves for the engine to do. */
export interface Aftermath {
  /** Distinct handlers of steps that became ready; null stands for a step that no template gives a handler. */
  readonly ready_handlers: readonly (string | null)[];
  readonly finalized: readonly TaskDecision[];
  /** How many wake-ups wait to be handed to the queue, beside those of `wait` decisions. */
  readonly wakeups: number;
}

export interface Recorded extends Aftermath {
  /** Outcomes that came too late (the claim was gone) and changed nothing. */
  readonly refused_claim_ids: readonly number[];
}

export const NO_AFTERMATH: Aftermath = { ready_handlers: [], finalized: [], wakeups: 0 };

export async function recordOutcomes(
  db: Executor,
  worker: WorkerIdentity,
  outcomes: readonly OutcomeRow[],
): Promise<Recorded> {
  const [row] = await db.query<Recorded>(
    `select * from treadle.record_outcomes(
      $1, $2, $3, $4, $5, $6::text[]::jsonb[], $7::text[]::jsonb[], $8
    )`,
    [
      worker.worker_id,
      worker.epoch,
      outcomes.map((outcome) => outcome.claim_id),
      outcomes.map((outcome) => outcome.workflow_step_id),
      outcomes.map((outcome) => outcome.event),
      outcomes.map((outcome) => JSON.stringify(outcome.results)),
      outcomes.map((outcome) => JSON.stringify(outcome.metadata)),
      outcomes.map((outcome) => outcome.delay_ms),
    ],
  );
  return row ?? { ...NO_AFTERMATH, refused_claim_ids: [] };
}

/** Which of these claims this worker still holds. */
export async function heldClaims(
  db: Executor,
  worker: WorkerIdentity,
  claimIds: readonly number[],
): Promise<number[]> {
  const rows = await db.query<{ claim_id: number }>(
    'select claim_id from treadle.held_claims($1, $2, $3) claim_id',
    [worker.worker_id, worker.epoch, claimIds],
  );
  return rows.map((row) => row.claim_id);
}

/** Gives the steps of dead workers back. Returns the tasks concerned. */
export async function takeBackLostSteps(db: Executor): Promise<number[]> {
  const rows = await db.query<{ task_id: number }>(
    'select task_id from treadle.take_back_lost_steps() task_id',
  );
  return rows.map((row) => row.task_id);
}
