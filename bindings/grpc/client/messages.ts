// From rows to the messages of client.proto. Proto has no null: what is not there is empty.
import { topologicalOrder } from '../../../core/template/dag.ts';
import type { State } from '../../../core/vocabulary.ts';
import {
  State as WireState,
  type StepDetails,
  type TaskDetails,
  type Template,
} from '../../../proto/gen/treadle/v1/client.ts';
import type { StepDetail, TaskDetail, TemplateDetail } from '../../../sql/details.ts';

const WIRE_STATES = {
  pending: WireState.PENDING,
  in_progress: WireState.IN_PROGRESS,
  complete: WireState.COMPLETE,
  error: WireState.ERROR,
  cancelled: WireState.CANCELLED,
  resolved_manually: WireState.RESOLVED_MANUALLY,
} as const satisfies Record<State, WireState>;

export function wireState(state: State): WireState {
  return WIRE_STATES[state];
}

/** `steps` parents before children, whatever order they come in. */
export function taskMessage(task: TaskDetail, steps: readonly StepDetail[] = []): TaskDetails {
  const { task_id, namespace_name, name, version, state_since, created_at } = task;
  return {
    task_id,
    namespace_name,
    name,
    version,
    state: wireState(task.state),
    state_since,
    created_at,
    context_json: task.context_json ?? '',
    initiator: task.initiator ?? '',
    source_system: task.source_system ?? '',
    reason: task.reason ?? '',
    tags_json: task.tags_json ?? '',
    deadline_at: task.deadline_at ?? '',
    steps: parentsFirst(steps.map(stepMessage)),
  };
}

export function stepMessage(step: StepDetail): StepDetails {
  const { workflow_step_id, name, attempts, retry_limit, parents } = step;
  return {
    workflow_step_id,
    name,
    state: wireState(step.state),
    attempts,
    retry_limit: Math.max(retry_limit, 0), // a Rails console may have written anything
    results_json: step.results_json ?? '',
    depends_on_steps: [...parents],
    explanation: step.explanation ?? '',
  };
}

function parentsFirst(steps: readonly StepDetails[]): StepDetails[] {
  const place = new Map(topologicalOrder(steps).map((name, index) => [name, index]));
  return steps.toSorted((left, right) => (place.get(left.name) ?? 0) - (place.get(right.name) ?? 0));
}

export function templateMessage(template: TemplateDetail): Template {
  const { namespace_name, name, version, description, schema_json, steps } = template;
  return {
    namespace_name,
    name,
    version,
    description: description ?? '',
    schema_json: schema_json ?? '',
    steps: steps.map((step) => ({
      ...step,
      depends_on_steps: [...step.depends_on_steps],
      runtime: step.runtime ?? '',
    })),
  };
}
