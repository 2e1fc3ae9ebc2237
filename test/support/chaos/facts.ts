// A snapshot arranged for questions: each task with its steps, each step with its trail, its parents and what its
// handlers wrote down.
import type { Execution } from './journal.ts';
import type { Move, Snapshot, StepFact, TaskFact } from './snapshot.ts';

export interface Step extends StepFact {
  readonly label: string;
  readonly state: string;
  /** In the order of sort_key. */
  readonly trail: readonly Move[];
  readonly parents: readonly Step[];
  readonly executions: readonly Execution[];
  readonly effects: readonly string[];
  readonly behaviour: string;
}

export interface Task extends TaskFact {
  readonly label: string;
  readonly trail: readonly Move[];
  readonly steps: readonly Step[];
  readonly paused: boolean;
}

export interface Facts {
  readonly snapshot: Snapshot;
  readonly tasks: readonly Task[];
  readonly steps: readonly Step[];
}

/** A step or task that is done, whoever did it. */
export const SATISFIED: ReadonlySet<string> = new Set(['complete', 'resolved_manually']);
/** A task that has ended. */
export const ENDED: ReadonlySet<string> = new Set(['complete', 'error', 'cancelled', 'resolved_manually']);

/** Rows of ours name the event that caused them. */
export function isOurs(move: Move): boolean {
  return 'event' in move.metadata;
}

export function factsOf(snapshot: Snapshot, executions: readonly Execution[]): Facts {
  const taskMoves = group(snapshot.taskMoves, (move) => move.owner);
  const stepMoves = group(snapshot.stepMoves, (move) => move.owner);
  const byStep = group(executions, (execution) => execution.workflow_step_id);
  const effects = group(snapshot.effects, (effect) => effect.workflow_step_id);
  const plans = new Map(snapshot.tasks.map(({ task_id, plan }) => [task_id, plan]));
  const steps = new Map<number, Step & { parents: Step[] }>();
  for (const row of snapshot.steps) {
    const id = row.workflow_step_id;
    const trail = stepMoves.get(id) ?? [];
    steps.set(id, {
      ...row,
      label: `task ${row.task_id}, step ${id} (${row.name})`,
      state: trail.at(-1)?.to_state ?? 'pending',
      trail,
      parents: [],
      executions: byStep.get(id) ?? [],
      effects: (effects.get(id) ?? []).map(({ execution }) => execution),
      behaviour: plans.get(row.task_id)?.[row.name]?.behaviour ?? '',
    });
  }
  for (const { from_step_id, to_step_id } of snapshot.edges) {
    const parent = steps.get(from_step_id);
    if (parent) steps.get(to_step_id)?.parents.push(parent);
  }
  const paused = new Set(snapshot.paused.map(({ task_id }) => task_id));
  const stepsOf = group([...steps.values()], (step) => step.task_id);
  const tasks = snapshot.tasks.map((row) => ({
    ...row,
    label: `task ${row.task_id}`,
    trail: taskMoves.get(row.task_id) ?? [],
    steps: stepsOf.get(row.task_id) ?? [],
    paused: paused.has(row.task_id),
  }));
  return { snapshot, tasks, steps: [...steps.values()] };
}

export function group<Key, Value>(values: readonly Value[], keyOf: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>();
  for (const value of values) {
    const key = keyOf(value);
    const found = groups.get(key);
    if (found) found.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
