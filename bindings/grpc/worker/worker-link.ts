// How the engine reaches a worker: its words become messages on the worker's stream. What is in flight is bounded by the
// credits that the worker has granted, so nothing here asks whether the stream takes more: at most that many steps wait in
// its buffer, also for a worker that has stopped reading.
import type { Logger } from 'pino';
import type { Assignment, StopCause, WorkerLink } from '../../../engine/connected-worker.ts';
import type { Register, WorkResponse } from '../../../proto/gen/treadle/v1/worker.ts';
import { fitsAlone, messagesOf, wireAssignment, type SizedAssignment } from './assignments.ts';
import { CANCEL_REASONS } from './cancel-reasons.ts';

export type Message = NonNullable<WorkResponse['message']>;

/** What a link asks of the session that it belongs to. */
export interface LinkOwner {
  readonly maxMessageBytes: number;
  readonly log: Logger;
  send(message: Message): void;
  /** These go to the worker now. */
  assigned(claimTokens: readonly string[]): void;
  /** This one is too large for any message: it must fail without the worker. */
  unfit(claimToken: string): void;
  /** The step is no longer the worker's. */
  withdrawn(claimToken: string): void;
  drained(reason: string): void;
}

export class StreamLink implements WorkerLink {
  readonly name: string;
  readonly language: string;
  readonly runtime = 'worker';
  readonly handlers: readonly string[];
  readonly #owner: LinkOwner;

  constructor({ name, language, handlers }: Register, owner: LinkOwner) {
    this.name = name;
    this.language = language;
    this.handlers = handlers;
    this.#owner = owner;
  }

  assign(assignments: readonly Assignment[]): void {
    const sized = assignments.flatMap((assignment) => this.#sized(assignment) ?? []);
    this.#owner.assigned(sized.map(({ message }) => message.claim_token));
    for (const batch of messagesOf(sized, this.#owner.maxMessageBytes)) {
      this.#owner.send({ $case: 'assignments', value: { assignments: batch } });
    }
  }

  cancel(claim_token: string, cause: StopCause, message: string): void {
    if (cause !== 'engine_stopping') this.#owner.withdrawn(claim_token);
    this.#owner.send({ $case: 'cancel', value: { claim_token, reason: CANCEL_REASONS[cause], message } });
  }

  drain(reason: string): void {
    this.#owner.drained(reason);
  }

  /** Undefined: it is the owner's to fail, without harm to those that came with it. */
  #sized(assignment: Assignment): SizedAssignment | undefined {
    const { claim_token, workflow_step_id } = assignment.step;
    try {
      const sized = wireAssignment(assignment);
      if (assignment.step.parent_results !== null && fitsAlone(sized, this.#owner.maxMessageBytes))
        return sized;
    } catch (error) {
      this.#owner.log.error({ err: error, workflow_step_id }, 'a step cannot be put into a message');
    }
    this.#owner.unfit(claim_token);
    return undefined;
  }
}
