// The life of a task, as law. A task waits in `pending`, runs in `in_progress`, and completes only when all its steps
// are complete or resolved (the guard, which SQL checks again under the task's lock).
import { setup } from 'xstate';
import type { TaskEvent } from '../vocabulary.ts';
import type { Law } from './law.ts';

export const taskLaw = {
  pending: { start: 'in_progress', fail: 'error', cancel: 'cancelled' },
  in_progress: { complete: 'complete', fail: 'error', cancel: 'cancelled', wait: 'pending' },
  error: { retry: 'pending', resolve: 'resolved_manually' },
  complete: { cancel: 'cancelled' },
  cancelled: {},
  resolved_manually: { cancel: 'cancelled' },
} as const satisfies Law<TaskEvent>;

/** What the guard looks at: how many steps of the task are neither complete nor resolved. */
export interface TaskFacts {
  readonly unfinished_steps: number;
}

export const taskMachine = setup({
  types: {
    context: {} as TaskFacts,
    input: {} as TaskFacts,
    events: {} as { type: TaskEvent },
  },
  guards: {
    all_steps_satisfied: ({ context }) => context.unfinished_steps === 0,
  },
}).createMachine({
  id: 'task',
  context: ({ input }) => input,
  initial: 'pending',
  states: {
    pending: { on: taskLaw.pending },
    in_progress: {
      on: {
        ...taskLaw.in_progress,
        complete: { target: taskLaw.in_progress.complete, guard: 'all_steps_satisfied' },
      },
    },
    error: { on: taskLaw.error },
    complete: { on: taskLaw.complete },
    cancelled: { on: taskLaw.cancelled },
    resolved_manually: { on: taskLaw.resolved_manually },
  },
});
