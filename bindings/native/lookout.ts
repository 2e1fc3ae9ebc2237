// Keeps the event loop awake for a moment while answers are about to come. A loop that sleeps is woken late: on an idle machine its
// core has gone to sleep too, and that costs more than a short handler. So where the last answer came at once the loop turns
// without sleeping after each attempt that it sends, for as long as a look; whatever else it has to do comes first, and an idle
// process, or one whose handlers take their time, turns for nothing.

/** As long as the threads of interpreters look for the next attempt (src/idle.rs). */
const LOOK_MS = 0.2;
/** An answer that came this soon might have come within a look, had nobody slept. */
const SOON_MS = 1.5 * LOOK_MS;

export class Lookout {
  #open = 0;
  #sentAt = 0;
  #isWorthIt = false;
  #looking = false;

  /** An attempt is on its way into an interpreter. */
  sent(): void {
    this.#open += 1;
    this.#sentAt = performance.now();
    if (!this.#isWorthIt || this.#looking) return;
    this.#looking = true;
    setImmediate(this.#turn);
  }

  /** So many have come back. */
  heard(answers: number): void {
    this.#open -= answers;
    this.#isWorthIt = performance.now() - this.#sentAt < SOON_MS;
  }

  readonly #turn = (): void => {
    this.#looking = this.#open > 0 && performance.now() - this.#sentAt < LOOK_MS;
    if (this.#looking) setImmediate(this.#turn);
  };
}
