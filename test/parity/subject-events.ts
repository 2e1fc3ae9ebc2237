// What an engine publishes of the subjects of the contract, by task. Only what every language has: the events around an
// attempt inside a process (`step.before_handle`, `step.handle`) belong to handlers in the engine's own.
import { TRANSITION_EVENTS, type EventName } from '../../core/events.ts';
import type { Engine } from '../../engine/engine.ts';

interface Told {
  readonly name: EventName;
  /** Of what is not about an attempt, as a cancellation: after all of them. */
  readonly attempt: number;
}

export class SubjectEvents {
  readonly #told = new Map<number, Told[]>();

  constructor(engine: Engine) {
    for (const name of Object.values(TRANSITION_EVENTS.step)) {
      engine.on(name, ({ task_id, step_name, attempt = Number.POSITIVE_INFINITY }) => {
        if (step_name !== 'subject') return;
        this.#told.set(task_id, [...(this.#told.get(task_id) ?? []), { name, attempt }]);
      });
    }
  }

  /**
   * Names of the events of the subject of a task, attempt by attempt: where the next one is due at once, another connection
   * may hear of its start before the failure before it has been answered.
   */
  of(taskId: number): readonly string[] {
    const told = this.#told.get(taskId) ?? [];
    return told
      .toSorted((a, b) => (a.attempt < b.attempt ? -1 : Number(a.attempt > b.attempt)))
      .map(({ name }) => name);
  }
}
