// What has changed of watched tasks, read for all of their watchers at once: the stamps of all tasks in one statement, and
// then only what has a new one.
import type { Executor } from '../../../sql/database.ts';
import {
  changedStepDetails,
  stepDetailsOfTasks,
  stepStamps,
  taskDetails,
  taskStamps,
  type StepDetail,
  type TaskDetail,
} from '../../../sql/details.ts';
import type { Snapshot, Watcher } from './watcher.ts';

/** Tasks that are read as a whole at once. */
const READ_AT_ONCE = 100;

export interface News {
  /** Whether any task had changed. */
  readonly any: boolean;
  /** Tasks that do not exist any more. */
  readonly gone: readonly number[];
}

/** Tells all watchers of these tasks what is new to them. */
export async function tellNews(
  db: Executor,
  watchersOf: (taskId: number) => readonly Watcher[],
  taskIds: readonly number[],
): Promise<News> {
  if (taskIds.length === 0) return { any: false, gone: [] };
  const ready = (taskId: number): Watcher[] => watchersOf(taskId).filter((watcher) => !watcher.isBehind);
  const stamps = await taskStamps(db, taskIds);
  const moved = stamps.filter((stamp) =>
    ready(stamp.task_id).some((watcher) => watcher.hasNewsOfTask(stamp)),
  );
  const asWhole = new Set(moved.map(({ task_id }) => task_id));
  const inParts = stamps
    .filter((stamp) => !asWhole.has(stamp.task_id))
    .filter((stamp) => ready(stamp.task_id).some((watcher) => watcher.hasNewsOfSteps(stamp)))
    .map(({ task_id }) => task_id);
  await tellTasks(db, ready, [...asWhole]);
  await tellSteps(db, ready, inParts);
  const there = new Set(stamps.map(({ task_id }) => task_id));
  return { any: asWhole.size + inParts.length > 0, gone: taskIds.filter((taskId) => !there.has(taskId)) };
}

async function tellTasks(
  db: Executor,
  ready: (taskId: number) => readonly Watcher[],
  taskIds: readonly number[],
): Promise<void> {
  for (let from = 0; from < taskIds.length; from += READ_AT_ONCE) {
    for (const snapshot of await readTasks(db, taskIds.slice(from, from + READ_AT_ONCE))) {
      for (const watcher of ready(snapshot.task.task_id)) watcher.tellAll(snapshot);
    }
  }
}

async function tellSteps(
  db: Executor,
  ready: (taskId: number) => readonly Watcher[],
  taskIds: readonly number[],
): Promise<void> {
  if (taskIds.length === 0) return;
  const stamps = await stepStamps(db, taskIds);
  const fresh = stamps.filter((step) => ready(step.task_id).some((watcher) => watcher.isNews(step)));
  const ids = fresh.map(({ workflow_step_id }) => workflow_step_id);
  for (const step of await changedStepDetails(db, ids)) {
    for (const watcher of ready(step.task_id)) watcher.tellSteps([step]);
  }
}

/** The steps are read after their task: at its end, all of them have theirs. Tasks that do not exist are missing. */
export async function readTasks(db: Executor, taskIds: readonly number[]): Promise<Snapshot[]> {
  const tasks = new Map<number, { task: TaskDetail; steps: StepDetail[] }>();
  for (const task of await taskDetails(db, taskIds)) tasks.set(task.task_id, { task, steps: [] });
  for (const step of await stepDetailsOfTasks(db, taskIds)) tasks.get(step.task_id)?.steps.push(step);
  return [...tasks.values()];
}
