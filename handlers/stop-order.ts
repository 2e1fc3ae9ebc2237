// The order to stop, as one attempt gets it: its time is up, its step was taken away, or the engine stops. Most handlers
// never ask for their signal, and an AbortSignal costs more than the rest of an attempt: it is made for the first who looks.

export class StopOrder {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  /** Why; undefined while the attempt may go on. */
  get reason(): Error | undefined {
    return this.#reason;
  }

  /** Aborts when the order is given; aborted already when it has been. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** The first order counts. */
  give(reason: Error): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }

  throwIfGiven(): void {
    if (this.#reason) throw this.#reason;
  }
}
