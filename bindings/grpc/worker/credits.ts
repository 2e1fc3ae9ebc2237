// How many steps more a worker has said that it takes. Kept here only to hold it to the limit of the protocol: what is in
// flight, and with it the memory that a worker can cost, is bounded by its credits.
import { invalid } from '../refusal.ts';

const MOST_OPEN = 100_000;

export class Credits {
  #open = 0;

  /** @throws Refusal INVALID_ARGUMENT */
  grant(additional: number): void {
    if (this.#open + additional > MOST_OPEN) {
      throw invalid(`expected at most ${MOST_OPEN} open credits, came ${this.#open + additional}`);
    }
    this.#open += additional;
  }

  use(steps: number): void {
    this.#open -= steps;
  }
}
