// A call that is refused with a status of gRPC. What handlers of calls throw, and what streams end with.
import { status } from '@grpc/grpc-js';

/** In the form that grpc-js sends to the caller: a number in `code`, words in `details`. */
export class Refusal extends Error {
  readonly code: status;
  readonly details: string;

  constructor(code: status, details: string) {
    super(details);
    this.name = 'Refusal';
    this.code = code;
    this.details = details;
  }
}

/** A message that the protocol does not allow. */
export function invalid(details: string): Refusal {
  return new Refusal(status.INVALID_ARGUMENT, details);
}

/** The engine stops: another one may take the call. */
export function unavailable(details: string): Refusal {
  return new Refusal(status.UNAVAILABLE, details);
}
