// The audit trails: lawful paths of the two machines, whole chains, in the order of their keys; and the end of each task.
import { ENDED, isOurs, SATISFIED, type Facts, type Step, type Task } from './facts.ts';
import type { Move } from './snapshot.ts';

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The law, written down a second time by hand: state, event, next state. */
const STEP_TABLE: Table = {
  pending: { start: 'in_progress', fail: 'error', cancel: 'cancelled', resolve: 'resolved_manually' },
  in_progress: { complete: 'complete', fail: 'error', cancel: 'cancelled' },
  error: { retry: 'pending', resolve: 'resolved_manually' },
  complete: {},
  cancelled: {},
  resolved_manually: {},
};
const TASK_TABLE: Table = {
  pending: { start: 'in_progress', fail: 'error', cancel: 'cancelled' },
  in_progress: { complete: 'complete', fail: 'error', cancel: 'cancelled', wait: 'pending' },
  error: { retry: 'pending', resolve: 'resolved_manually' },
  complete: { cancel: 'cancelled' },
  cancelled: {},
  resolved_manually: { cancel: 'cancelled' },
};

export function checkTrails({ tasks, steps }: Facts): string[] {
  return [
    ...tasks.flatMap((task) => trailFindings(task.label, task.trail, TASK_TABLE)),
    ...steps.flatMap((step) => trailFindings(step.label, step.trail, STEP_TABLE)),
    ...steps.flatMap(startFindings),
    ...tasks.flatMap(endFindings),
  ];
}

function trailFindings(label: string, trail: readonly Move[], table: Table): string[] {
  const marked = trail.filter((move) => move.most_recent);
  const findings = trail.flatMap((move, index) => moveFindings(label, move, trail[index - 1], table));
  if (trail.length > 0 && (marked.length !== 1 || marked[0] !== trail.at(-1))) {
    findings.push(`${label}: expected the last row alone to be most_recent, came ${marked.length} such rows`);
  }
  return findings;
}

function moveFindings(label: string, move: Move, before: Move | undefined, table: Table): string[] {
  const from = before?.to_state ?? 'pending';
  const name = `${label}: ${from} -> ${move.to_state} (sort_key ${move.sort_key})`;
  const lawful = table[from] ?? {};
  const findings: string[] = [];
  if (isOurs(move)) {
    const event = String(move.metadata['event']);
    if (lawful[event] !== move.to_state) findings.push(`${name} is no move of the event ${event}`);
    if (move.from_state !== from) findings.push(`${name} says that it came from ${move.from_state}`);
  } else if (!Object.values(lawful).includes(move.to_state)) findings.push(`${name} is no lawful move`);
  if (move.sort_key <= (before?.sort_key ?? 0)) findings.push(`${name}: the key does not rise`);
  if (before && before.id >= move.id) findings.push(`${name} was written before the row that it follows`);
  return findings;
}

/** No start before all parents were done. Ids are handed out in the order of writing, whatever the clocks say. */
function startFindings(step: Step): string[] {
  const starts = step.trail.filter((move) => move.to_state === 'in_progress');
  return starts.flatMap((start) =>
    step.parents.flatMap((parent) => {
      const done = parent.trail.find((move) => SATISFIED.has(move.to_state));
      if (done && done.id < start.id) return [];
      return [
        `${step.label}: started (sort_key ${start.sort_key}) before its parent ${parent.name} was done`,
      ];
    }),
  );
}

function endFindings(task: Task): string[] {
  const findings: string[] = [];
  const say = (sentence: string): void => void findings.push(`${task.label}: ${sentence}`);
  const undone = task.steps.filter((step) => !SATISFIED.has(step.state));
  if (!ENDED.has(task.state) && !task.paused) say(`has not ended, it is ${task.state}`);
  if (task.state === 'complete') {
    if (undone.length > 0)
      say(`is complete, but ${undone.map(({ name, state }) => `${name} is ${state}`).join(', ')}`);
    if (!task.complete) say('is complete, but its column says no');
  }
  if (task.state === 'error') {
    if (undone.length === 0) say('has failed, but all of its steps are done');
    const able = isOverdue(task) ? undefined : task.steps.find(couldRun);
    if (able)
      say(`has failed, but ${able.name} (${able.state}, ${able.attempts} of ${able.retry_limit}) could run`);
  }
  for (const step of task.steps) {
    if (ENDED.has(task.state) && step.state === 'in_progress')
      say(`is ${task.state}, but ${step.name} still runs`);
  }
  return findings;
}

/** A deadline ends a task whatever its steps could still do. */
function isOverdue({ trail }: Task): boolean {
  return trail.at(-1)?.metadata['reason'] === 'deadline_exceeded';
}

/** Nothing but time stands between this step and its next attempt. */
export function couldRun(step: Step): boolean {
  if (step.state !== 'pending' && step.state !== 'error') return false;
  if (step.state === 'error' && !step.retryable) return false;
  const allowance = step.retryable ? step.retry_limit : Math.min(step.retry_limit, 1);
  return step.attempts < allowance && step.parents.every((parent) => SATISFIED.has(parent.state));
}
