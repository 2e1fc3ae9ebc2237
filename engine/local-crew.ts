// The handlers of this process as a crew: they share its concurrency, and are those that templates do not send elsewhere.
import type { Logger } from 'pino';
import type { Outcome } from '../core/outcome.ts';
import { failedOutcome } from '../handlers/failure.ts';
import type { HandlerRegistry } from '../handlers/registry.ts';
import { runStep } from '../handlers/step-handler.ts';
import { Crew, roomFor } from './crew.ts';
import type { RunningClaim } from './running-claim.ts';
import type { Runtimes } from './runtimes.ts';
import { passedBy, ServedHandlers } from './served-handlers.ts';

export interface LocalCrewOptions {
  /** Frozen. */
  readonly registry: HandlerRegistry;
  readonly runtimes: Pick<Runtimes, 'elsewhere'>;
  /** Steps at once. */
  readonly concurrency: number;
  readonly log: Logger;
}

export class LocalCrew extends Crew {
  readonly #served: ServedHandlers;
  readonly #log: Logger;

  constructor({ registry, runtimes, concurrency, log }: LocalCrewOptions) {
    const served = new ServedHandlers({ runtimes, runtime: 'typescript', offered: registry.names() });
    super({
      handlers: () => served.names,
      capacity: ({ running, waiting }) => roomFor(concurrency - running, running, waiting),
      begin: (claim) => runHere(registry, claim),
    });
    this.#served = served;
    this.#log = log;
  }

  /** Templates have changed where handlers run. */
  renew(): void {
    const words = passedBy('the classes of this process', this.#served.renew());
    if (words) this.#log.warn(words);
  }
}

function runHere(registry: HandlerRegistry, claim: RunningClaim): Promise<Outcome> {
  try {
    return runStep(registry.get(claim.handler), claim);
  } catch (error) {
    return Promise.resolve({ ...failedOutcome(error), code: 'unknown_handler', permanent: true });
  }
}
