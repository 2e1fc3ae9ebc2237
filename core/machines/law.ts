// Types shared by the two machines, and the lookup of a next state that callers outside XState use.
import type { State } from '../vocabulary.ts';

/** A machine's law as data: from which state which event leads where. What is not listed is unlawful. */
export type Law<Event extends string> = Readonly<Record<State, Readonly<Partial<Record<Event, State>>>>>;

/** One lawful move, as the audit trail keeps it. */
export interface Transition<Event extends string> {
  readonly from_state: State;
  readonly to_state: State;
  readonly event: Event;
}
