// What follows when tasks were moved: the database has decided in the same transaction (complete, error, wait); here the
// decisions become events, and those who must act on them are told.
import { TRANSITION_EVENTS, type Emit } from '../core/events.ts';
import type { Aftermath } from '../sql/steps.ts';

export interface FinalizerOptions {
  readonly emit: Emit;
  /** Some steps became ready for these handlers. */
  readonly onReady: (handlers: Aftermath['ready_handlers']) => void;
  /** Wake-ups were written: they are to be handed to the queue. */
  readonly onWakeups: () => void;
}

export class Finalizer {
  readonly #options: FinalizerOptions;

  constructor(options: FinalizerOptions) {
    this.#options = options;
  }

  settle(aftermath: Aftermath): void {
    const { emit, onReady, onWakeups } = this.#options;
    if (aftermath.ready_handlers.length > 0) onReady(aftermath.ready_handlers);
    for (const { task_id, event, from_state = 'in_progress', to_state } of aftermath.finalized) {
      emit(TRANSITION_EVENTS.task[event], { task_id, from_state, to_state });
    }
    if (aftermath.wakeups > 0 || aftermath.finalized.some((decision) => decision.event === 'wait'))
      onWakeups();
  }
}
