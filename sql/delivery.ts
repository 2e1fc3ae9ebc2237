// Claimed steps as they come from the database: one document in which a task, a definition or the results of a parent stand
// once, however many steps refer to them (sql/functions/treadle/steps/delivery.sql says the form). Here they become the
// steps that handlers run, which share those parts.
import { TreadleError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Backoff } from '../core/retry.ts';

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
  /** Changes whenever anybody changes the row. */
  readonly row_version: string;
}

/** A step that this process may run now, with all that its handler needs. `attempt` is 1 for the first. */
export interface ClaimedStep {
  /** The number of this claim: its outcome counts only under it. */
  readonly claim_id: number;
  /** The same for complete_step: opaque. */
  readonly claim_token: string;
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
  /** Null: together they are more than Postgres can hold in one value, and the step cannot be run. */
  readonly parent_results: Readonly<Record<string, Json>> | null;
  readonly task: ClaimedTask;
}

/** In the order of the SQL function that writes it. */
export interface Delivery {
  readonly steps: readonly StepTuple[];
  /** Null: the worker has all of them. */
  readonly tasks: readonly TaskTuple[] | null;
  readonly definitions: readonly DefinitionTuple[];
  /** Null: the steps have no parents. */
  readonly parents: readonly ParentTuple[] | null;
  /** The results of the parents are beyond what can be delivered, and are left out. */
  readonly too_large: boolean;
}

/** The last document of a claim, when more could be claimed after so long without anything happening before. */
export interface LookAgain {
  readonly look_again_in_ms: number;
}

export function isLookAgain(document: Delivery | LookAgain): document is LookAgain {
  return 'look_again_in_ms' in document;
}

type StepTuple = readonly [
  claimId: number,
  stepId: number,
  taskId: number,
  namedStepId: number,
  attempt: number,
  retryLimit: number,
  retryable: boolean,
  inputs: readonly [Json] | null,
  results: readonly [Json] | null,
  parentIds: readonly number[] | null,
];

type TaskTuple = readonly [
  taskId: number,
  namedTaskId: number,
  context: JsonObject,
  initiator: string | null,
  sourceSystem: string | null,
  reason: string | null,
  tags: Json,
  requestedAt: string,
  rowVersion: string,
];

type DefinitionTuple = readonly [
  namedTaskId: number,
  namedStepId: number,
  namespaceName: string,
  name: string,
  version: string,
  stepName: string,
  handler: string,
  handlerConfig: JsonObject,
  timeoutMs: number | null,
  backoff: Backoff,
];

/** A parent and its results. */
export type ParentTuple = readonly [stepId: number, stepName: string, results: Json];

/** What a worker has already, so that it is left out of a delivery. */
export interface Known {
  readonly parents: readonly ParentTuple[];
  readonly tasks: readonly ClaimedTask[];
}

const NOTHING: Known = { parents: [], tasks: [] };

/** The steps of a delivery and of what it leaves out because it is `known`. What several of them refer to is one frozen object: none can change it under another. */
export function unpacked(
  delivery: Delivery,
  worker: { readonly worker_id: number; readonly epoch: number },
  known: Known = NOTHING,
): ClaimedStep[] {
  const definitions = new Map(
    delivery.definitions.map((tuple) => [keyOf(tuple[0], tuple[1]), frozen(tuple)]),
  );
  const namesOfTasks = new Map(delivery.definitions.map((tuple) => [tuple[0], tuple]));
  const tasks = new Map(known.tasks.map((task) => [task.task_id, task]));
  for (const tuple of delivery.tasks ?? []) tasks.set(tuple[0], taskOf(tuple, namesOfTasks.get(tuple[1])));
  const parents = new Map(
    [...known.parents, ...(delivery.parents ?? [])].map((tuple) => [tuple[0], frozen(tuple)]),
  );
  return delivery.steps.map((tuple) => {
    const [
      claim_id,
      workflow_step_id,
      task_id,
      namedStepId,
      attempt,
      retry_limit,
      retryable,
      inputs,
      results,
    ] = tuple;
    const task = found(tasks.get(task_id));
    const definition = found(definitions.get(keyOf(task.named_task_id, namedStepId)));
    return {
      claim_id,
      claim_token: `${workflow_step_id}.${claim_id}.${worker.worker_id}.${worker.epoch}`,
      workflow_step_id,
      task_id,
      named_task_id: task.named_task_id,
      step_name: definition[5],
      handler: definition[6],
      attempt,
      retry_limit,
      retryable,
      inputs: inputs ? inputs[0] : task.context,
      results: results ? results[0] : {},
      handler_config: definition[7],
      timeout_ms: definition[8],
      backoff: definition[9],
      parent_results: delivery.too_large ? null : resultsOf(tuple[9], parents),
      task,
    };
  });
}

function taskOf(tuple: TaskTuple, definition: DefinitionTuple | undefined): ClaimedTask {
  const [task_id, named_task_id, context, initiator, source_system, reason, tags, requested_at, row_version] =
    tuple;
  const [, , namespace_name, name, version] = found(definition);
  return {
    task_id,
    named_task_id,
    namespace_name,
    name,
    version,
    context: frozen(context),
    initiator,
    source_system,
    reason,
    tags: frozen(tags),
    requested_at,
    row_version,
  };
}

function resultsOf(
  parentIds: readonly number[] | null,
  parents: ReadonlyMap<number, ParentTuple>,
): Readonly<Record<string, Json>> {
  if (parentIds === null) return NO_RESULTS;
  return Object.fromEntries(
    parentIds.map((parentId) => {
      const [, name, results] = found(parents.get(parentId));
      return [name, results];
    }),
  );
}

const NO_RESULTS: Readonly<Record<string, Json>> = Object.freeze({});

function keyOf(namedTaskId: number, namedStepId: number): string {
  return `${namedTaskId}/${namedStepId}`;
}

/** All the way down, whatever the depth. */
function frozen<Value>(value: Value): Value {
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next !== 'object' || next === null || Object.isFrozen(next)) continue;
    Object.freeze(next);
    for (const inner of Object.values(next)) if (typeof inner === 'object') rest.push(inner);
  }
  return value;
}

/** What the database says that it sends. */
function found<Value>(value: Value | undefined): Value {
  if (value === undefined)
    throw new TreadleError('database_error', 'expected a complete delivery, came one with gaps');
  return value;
}
