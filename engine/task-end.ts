// Waiting for the end of a task, whichever process ends it, also across an outage of Postgres.
import { setTimeout as pause } from 'node:timers/promises';
import { END_STATES, type State } from '../core/vocabulary.ts';
import type { Executor } from '../sql/database.ts';
import { taskState } from '../sql/tasks.ts';
import type { LifecycleEvents } from './lifecycle-events.ts';
import { isAway, type Outage } from './outage.ts';

/** How often to look when no process of ours has ended it. */
const LOOK_MS = 500;
const ENDS = ['task.completed', 'task.failed', 'task.cancelled', 'task.resolved_manually'] as const;

export interface TaskEndOptions {
  readonly database: Executor;
  readonly events: LifecycleEvents;
  readonly outage: Outage;
  /** The engine leaves: an outage is no longer waited for. */
  readonly leaving: AbortSignal;
}

/** Resolves with the state in which the task ended. Rejects when the signal aborts. */
export async function taskEnd(
  options: TaskEndOptions,
  taskId: number,
  signal: AbortSignal | undefined,
): Promise<State> {
  for (;;) {
    const state = await stateOf(options, taskId, signal);
    if (state !== undefined && END_STATES.has(state)) return state;
    if (state !== undefined) await somethingEnded(options.events, taskId, signal);
  }
}

/** Undefined when Postgres was away and is to be asked again. */
async function stateOf(
  { database, outage, leaving }: TaskEndOptions,
  taskId: number,
  signal: AbortSignal | undefined,
): Promise<State | undefined> {
  try {
    return await taskState(database, taskId);
  } catch (error) {
    if (!isAway(error) || leaving.aborted) throw error;
    await outage.over(error, signal);
    signal?.throwIfAborted();
    return undefined;
  }
}

/** A task of this process ended, or it is time to look whether another has ended it. */
async function somethingEnded(
  events: LifecycleEvents,
  taskId: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = new AbortController();
  const offs = ENDS.map((event) =>
    events.on(event, ({ task_id }) => {
      if (task_id === taskId) found.abort();
    }),
  );
  const either = signal ? AbortSignal.any([signal, found.signal]) : found.signal;
  await pause(LOOK_MS, undefined, { signal: either }).catch(() => {});
  for (const off of offs) off();
  signal?.throwIfAborted();
}
