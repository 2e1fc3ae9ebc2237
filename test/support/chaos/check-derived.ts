// The derived rows, by a rule of their own: a task that has ended has none, one that is paused holds what could run.
import { couldRun } from './check-trails.ts';
import { ENDED, SATISFIED, type Facts, type Task } from './facts.ts';

export function checkDerived({ snapshot, tasks }: Facts): string[] {
  const open = new Set(tasks.filter(({ state }) => !ENDED.has(state)).map(({ task_id }) => task_id));
  const left = (what: string, rows: readonly { readonly task_id: number }[]): string[] =>
    rows
      .filter(({ task_id }) => !open.has(task_id))
      .map(({ task_id }) => `task ${task_id}: has ended and leaves a ${what}`);
  return [
    ...left('ready step', snapshot.ready),
    ...left('gate', snapshot.gates),
    ...left('wake-up', snapshot.wakeups),
    ...left('deadline', snapshot.deadlines),
    ...snapshot.claims.map(
      ({ task_id, workflow_step_id: id }) => `task ${task_id}: step ${id} is still claimed`,
    ),
    ...snapshot.changed.map(({ task_id }) => `task ${task_id}: a change of another hand was never looked at`),
    ...tasks.filter(({ state }) => state === 'in_progress').flatMap((task) => openFindings(task, snapshot)),
  ];
}

function openFindings(task: Task, snapshot: Facts['snapshot']): string[] {
  const ready = snapshot.ready.filter(({ task_id }) => task_id === task.task_id);
  const gates = snapshot.gates.filter(({ task_id }) => task_id === task.task_id);
  const offered = ready.map(({ workflow_step_id: id, held }) => `${id}${held ? ' held' : ''}`).toSorted();
  const able = task.steps
    .filter(couldRun)
    .map(({ workflow_step_id: id }) => `${id}${task.paused ? ' held' : ''}`)
    .toSorted();
  const counted = gates.map(({ workflow_step_id: id, open_parents: open }) => `${id}: ${open}`).toSorted();
  const closed = task.steps
    .filter(({ parents }) => parents.length >= 2)
    .map(
      ({ workflow_step_id: id, parents }) =>
        `${id}: ${parents.filter(({ state }) => !SATISFIED.has(state)).length}`,
    )
    .toSorted();
  return [
    ...difference(`${task.label}: ready steps`, offered, able),
    ...difference(`${task.label}: gates`, counted, closed),
  ];
}

function difference(what: string, came: readonly string[], expected: readonly string[]): string[] {
  if (came.join() === expected.join()) return [];
  return [`${what} are [${came.join(', ')}] instead of [${expected.join(', ')}]`];
}
