// Worlds with limits, for tests: tasks of one template with a step each, claimed and ended straight through the SQL
// functions, so that no engine decides what is tried when.
import type { JsonObject } from '../../core/json.ts';
import type { StepTemplateInput } from '../../core/template/template.ts';
import type { Executor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import { recordOutcomes, type OutcomeRow } from '../../sql/outcomes.ts';
import { claimSteps, type WorkerIdentity } from '../../sql/steps.ts';
import { createTasks, registerTemplate, startTasks } from '../../sql/tasks.ts';
import { newWorker, templateOf, uniqueName } from './factories.ts';

export interface LimitedWorld {
  readonly db: Executor;
  readonly namedTaskId: number;
  readonly name: string;
  readonly handler: string;
  readonly worker: WorkerIdentity;
}

/** A template of one step `work` with these limits, and a worker that serves it. */
export async function limitedWorld(db: Executor, limits: Partial<StepTemplateInput>): Promise<LimitedWorld> {
  const handler = uniqueName('limited');
  const template = templateOf({ work: [] }, { each: { handler_class: handler, ...limits } });
  const namedTaskId = await registerTemplate(db, template, template);
  return { db, namedTaskId, name: template.name, handler, worker: await newWorker(db, [handler]) };
}

/** Tasks with these contexts, started: their steps are ready. */
export async function ready(world: LimitedWorld, contexts: readonly JsonObject[]): Promise<number[]> {
  const rows = contexts.map((context) => ({ identity_hash: uniqueName('identity'), context }));
  const created = await createTasks(world.db, world.namedTaskId, rows, { enqueued: true });
  const taskIds = created.map(({ task_id }) => task_id);
  await startTasks(world.db, taskIds);
  return taskIds;
}

/** What a worker gets, and when it would be told to look again. */
export async function take(
  { worker, handler }: Pick<LimitedWorld, 'worker' | 'handler'>,
  db: Executor,
  capacity = 1000,
): Promise<{ steps: ClaimedStep[]; lookAgainInMs: number | undefined }> {
  let lookAgainInMs: number | undefined;
  const onLookAgain = (inMs: number): void => {
    lookAgainInMs = inMs;
  };
  const steps = await claimSteps(db, worker, [handler], capacity, { onLookAgain });
  return { steps, lookAgainInMs };
}

/** A failure that is tried again at once. */
export const AGAIN: Partial<OutcomeRow> = {
  event: 'fail',
  delay_ms: 0,
  results: '{"error": "it broke", "error_class": "Error", "backtrace": ""}',
};

export function customerOf({ task }: ClaimedStep): string {
  const { customer } = task.context;
  return typeof customer === 'string' ? customer : 'nobody';
}

/** Values of `customer` in the contexts of what was claimed, in order. */
export function customersOf(steps: readonly ClaimedStep[]): string[] {
  return steps.map(customerOf).toSorted((left, right) => left.localeCompare(right));
}

/** Ends steps; the handlers that the recording says may go on. */
export async function end(
  { db, worker }: Pick<LimitedWorld, 'db' | 'worker'>,
  steps: readonly ClaimedStep[],
  outcome: Partial<OutcomeRow> = {},
): Promise<readonly (string | null)[]> {
  const rows = steps.map(({ claim_id, workflow_step_id, step_name }) => ({
    claim_id,
    workflow_step_id,
    step_name,
    event: 'complete' as const,
    results: '{}',
    metadata: {},
    delay_ms: null,
    ...outcome,
  }));
  return (await recordOutcomes(db, worker, rows)).ready_handlers;
}
