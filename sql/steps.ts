// Workers and their claims on workflow steps: one TypeScript function per SQL function, nothing added. How attempts end: outcomes.ts.
import type { Executor } from './database.ts';
import { isLookAgain, unpacked, type ClaimedStep, type Delivery, type LookAgain } from './delivery.ts';

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

/** `before`: who the process was when it was declared dead; it keeps its id and gets a higher epoch. */
export async function registerWorker(
  db: Executor,
  worker: WorkerRegistration,
  before?: WorkerIdentity,
): Promise<WorkerIdentity> {
  const [row] = await db.query<WorkerIdentity>(
    'select worker_id, epoch from treadle.register_worker($1, $2, $3, make_interval(secs => $4), $5, $6)',
    [
      worker.name,
      worker.handlers,
      worker.capacity,
      worker.leaseSeconds,
      before?.worker_id ?? null,
      before?.epoch ?? 0,
    ],
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

/** The worker serves other handlers from now on. */
export async function changeWorker(
  db: Executor,
  worker: WorkerIdentity,
  { handlers, capacity }: Pick<WorkerRegistration, 'handlers' | 'capacity'>,
): Promise<void> {
  await db.query('select treadle.change_worker($1, $2, $3, $4)', [
    worker.worker_id,
    worker.epoch,
    handlers,
    capacity,
  ]);
}

/** What a process that left in order gave back without knowing that it had it. */
export interface Left extends Aftermath {
  readonly given_back: number;
}

export async function leaveWorker(db: Executor, worker: WorkerIdentity): Promise<Left> {
  const [row] = await db.query<Left>('select * from treadle.leave_worker($1, $2)', [
    worker.worker_id,
    worker.epoch,
  ]);
  return row ?? { ...NO_AFTERMATH, given_back: 0 };
}

/** The lock that lets others see this process die; it belongs to the session of `db`. False: try again in a moment. */
export async function holdWorkerLock(db: Executor, worker: WorkerIdentity): Promise<boolean> {
  const [row] = await db.query<{ held: boolean }>('select treadle.hold_worker_lock($1, $2) as held', [
    worker.worker_id,
    worker.epoch,
  ]);
  return row?.held ?? false;
}

export async function forgetWorkerLock(db: Executor, worker: WorkerIdentity): Promise<void> {
  await db.query('select treadle.forget_worker_lock($1, $2)', [worker.worker_id, worker.epoch]);
}

/** The other workers at this moment. */
export interface Watched {
  readonly others: number;
  /** Those whose lock nobody holds. */
  readonly absent: readonly number[];
  /** Whether any of them runs steps; false when that was not asked. */
  readonly claimed: boolean;
}

export async function watchWorkers(db: Executor, workerId: number, askClaims: boolean): Promise<Watched> {
  const [row] = await db.query<{ others: number; absent: number[]; claimed: boolean }>(
    'select others, to_jsonb(absent) as absent, claimed from treadle.watch_workers($1, $2)',
    [workerId, askClaims],
  );
  return row ?? { others: 0, absent: [], claimed: false };
}

/** Which steps a worker can take, and how many. */
export interface Room {
  readonly handlers: readonly string[];
  /** Most steps in all. */
  readonly capacity: number;
  /** Which slots each handler shares: places in `slots`, from 1, parallel to `handlers`. Left out: all share `capacity`. */
  readonly crews?: readonly number[];
  /** Most steps of each crew. */
  readonly slots?: readonly number[];
}

export interface ClaimOptions extends Pick<Room, 'crews' | 'slots'> {
  /** Tell the other workers when there are any. */
  readonly announce?: boolean;
  /** Leave the in_progress rows of first attempts to be written with their outcomes, or by `writeStarts`. */
  readonly lateStart?: boolean;
  /** Told when limits will allow more steps: after so many ms, without anything happening before. */
  readonly onLookAgain?: (inMs: number) => void;
}

/** Up to `capacity` steps for these handlers. Throws `fenced` when the worker was declared dead. */
export async function claimSteps(
  db: Executor,
  worker: WorkerIdentity,
  handlers: readonly string[],
  capacity: number,
  { announce = false, lateStart = false, crews, slots, onLookAgain }: ClaimOptions = {},
): Promise<ClaimedStep[]> {
  const rows = await db.query<{ delivery: Delivery | LookAgain }>(
    'select treadle.claim_steps($1, $2, $3, $4, $5, $6, $7, $8) as delivery',
    [worker.worker_id, worker.epoch, handlers, capacity, announce, lateStart, crews ?? null, slots ?? null],
  );
  return rows.flatMap(({ delivery }) => {
    if (!isLookAgain(delivery)) return unpacked(delivery, worker);
    onLookAgain?.(delivery.look_again_in_ms);
    return [];
  });
}

/** The claims whose handlers take longer than a moment: Rails readers shall see them in progress. */
export async function writeStarts(
  db: Executor,
  claims: readonly Pick<ClaimedStep, 'claim_id' | 'workflow_step_id'>[],
): Promise<void> {
  await db.query('select treadle.write_starts($1, $2)', [
    claims.map((claim) => claim.workflow_step_id),
    claims.map((claim) => claim.claim_id),
  ]);
}

/** A decision about a task that the database took in the same transaction. */
export interface TaskDecision {
  readonly task_id: number;
  readonly event: 'complete' | 'wait' | 'fail';
  /** Default: in_progress. */
  readonly from_state?: 'pending' | 'in_progress';
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

export const NO_AFTERMATH: Aftermath = { ready_handlers: [], finalized: [], wakeups: 0 };

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

/** Why a step is no longer with whoever ran it. */
export interface Revocation {
  readonly workflow_step_id: number;
  /** In words. */
  readonly reason: string;
  /** The claim under which `complete_step` ended it: whoever holds that has done it itself. */
  readonly completed_claim_id: number | null;
}

export async function revocations(
  db: Executor,
  stepIds: readonly number[],
): Promise<Map<number, Revocation>> {
  const rows = await db.query<Revocation>('select * from treadle.revocations($1)', [stepIds]);
  return new Map(rows.map((row) => [row.workflow_step_id, row]));
}

/** Steps that this worker has claimed without knowing it: the answer to the claim was lost with the connection. */
export async function undeliveredSteps(
  db: Executor,
  worker: WorkerIdentity,
  knownClaimIds: readonly number[],
): Promise<ClaimedStep[]> {
  const rows = await db.query<{ delivery: Delivery }>(
    'select treadle.undelivered_steps($1, $2, $3) as delivery',
    [worker.worker_id, worker.epoch, knownClaimIds],
  );
  return rows.flatMap(({ delivery }) => unpacked(delivery, worker));
}

/** A step whose worker died while it ran. */
export interface LostStep {
  readonly task_id: number;
  readonly workflow_step_id: number;
  readonly step_name: string;
  readonly attempt: number;
}

export interface TakenBack extends Aftermath {
  readonly lost: readonly LostStep[];
}

/** Gives the steps of dead workers back: of those whose lease ran out, and of `absent` ones whose lock is free. */
export async function takeBackLostSteps(db: Executor, absent: readonly number[] = []): Promise<TakenBack> {
  const [row] = await db.query<TakenBack>('select * from treadle.take_back_lost_steps($1)', [absent]);
  return row ?? { ...NO_AFTERMATH, lost: [] };
}
