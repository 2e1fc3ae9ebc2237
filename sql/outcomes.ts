// Ending the attempts of steps: the outcomes of a worker, and steps that a handler completes in its own transaction. One TypeScript
// function per SQL function, nothing added.
import type { Json, JsonObject } from '../core/json.ts';
import type { Executor } from './database.ts';
import { unpacked, type ClaimedStep, type ClaimedTask, type Delivery, type ParentTuple } from './delivery.ts';
import { NO_AFTERMATH, type Aftermath, type Room, type WorkerIdentity } from './steps.ts';

/** One outcome as the database takes it. `delay_ms`: wait before the next attempt, null when none may follow. */
export interface OutcomeRow {
  readonly claim_id: number;
  readonly workflow_step_id: number;
  /** What children call it that are claimed in the same statement. */
  readonly step_name: string;
  /** `release` gives the step back: no attempt is counted, and it is ready at once. */
  readonly event: 'complete' | 'fail' | 'release';
  /** JSON text. */
  readonly results: string;
  readonly metadata: JsonObject;
  readonly delay_ms: number | null;
}

export interface Recorded extends Aftermath {
  /** Outcomes that came too late (the claim was gone) and changed nothing. */
  readonly refused_claim_ids: readonly number[];
  /** Children that the same statement has claimed for this worker. */
  readonly claimed: readonly ClaimedStep[];
}

/** What a worker takes of the children of its steps, in the statement that records them. */
export interface HandOver extends Room {
  readonly lateStart: boolean;
  /** What it has of the tasks; they are sent again only when they have changed. */
  readonly tasks?: readonly ClaimedTask[];
}

export const NOTHING_TAKEN: HandOver = { handlers: [], capacity: 0, lateStart: false };

export async function recordOutcomes(
  db: Executor,
  worker: WorkerIdentity,
  outcomes: readonly OutcomeRow[],
  next: HandOver = NOTHING_TAKEN,
): Promise<Recorded> {
  const { tasks = [] } = next;
  const rows = await db.query<Omit<Recorded, 'claimed'> & { readonly delivery: Delivery | null }>(
    `select * from treadle.record_outcomes(
      $1, $2, $3, $4, $5, $6::text[]::jsonb[], $7::text[]::jsonb[], $8, $9, $10, $11, $12, $13, $14
    )`,
    [
      worker.worker_id,
      worker.epoch,
      outcomes.map((outcome) => outcome.claim_id),
      outcomes.map((outcome) => outcome.workflow_step_id),
      outcomes.map((outcome) => outcome.event),
      outcomes.map((outcome) => outcome.results),
      outcomes.map((outcome) => JSON.stringify(outcome.metadata)),
      outcomes.map((outcome) => outcome.delay_ms),
      next.handlers,
      next.capacity,
      next.lateStart,
      JSON.stringify(Object.fromEntries(tasks.map((task) => [task.task_id, task.row_version]))),
      next.crews ?? null,
      next.slots ?? null,
    ],
  );
  const claimed = rows.flatMap(({ delivery }) =>
    delivery ? unpacked(delivery, worker, { parents: parentsOf(delivery, outcomes), tasks }) : [],
  );
  const [{ delivery: _, ...recorded } = { ...NO_AFTERMATH, refused_claim_ids: [], delivery: null }] = rows;
  return { ...recorded, claimed };
}

/** The parents that a delivery leaves out because their results have just been sent the other way. */
function parentsOf(delivery: Delivery, outcomes: readonly OutcomeRow[]): ParentTuple[] {
  const wanted = new Set(delivery.steps.flatMap(([, , , , , , , , , parentIds]) => parentIds ?? []));
  return outcomes
    .filter(({ workflow_step_id, event }) => event === 'complete' && wanted.has(workflow_step_id))
    .map(({ workflow_step_id, step_name, results }) => [
      workflow_step_id,
      step_name,
      JSON.parse(results) as Json,
    ]);
}

/**
 * Completes a step in the surrounding transaction: with it, or not at all. Call it last; nobody is notified.
 * Throws `fenced` when the claim was taken away.
 */
export async function completeStep(db: Executor, claimToken: string, results: Json): Promise<Aftermath> {
  const [row] = await db.query<Aftermath>('select * from treadle.complete_step($1, $2, false)', [
    claimToken,
    JSON.stringify(results),
  ]);
  return row ?? NO_AFTERMATH;
}

export interface RecordedBefore extends Aftermath {
  readonly recorded_claim_ids: readonly number[];
}

/** Which of these outcomes were recorded by an earlier sending of the same, whose answer was lost. */
export async function recordedOutcomes(
  db: Executor,
  outcomes: readonly Pick<OutcomeRow, 'claim_id' | 'workflow_step_id'>[],
): Promise<RecordedBefore> {
  const [row] = await db.query<RecordedBefore>('select * from treadle.recorded_outcomes($1, $2)', [
    outcomes.map((outcome) => outcome.claim_id),
    outcomes.map((outcome) => outcome.workflow_step_id),
  ]);
  return row ?? { ...NO_AFTERMATH, recorded_claim_ids: [] };
}
