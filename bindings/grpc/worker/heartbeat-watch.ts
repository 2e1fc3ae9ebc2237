// Notices when nothing has been heard for too long.

export interface HeartbeatWatchOptions {
  readonly timeoutMs: number;
  readonly onSilence: () => void;
}

export class HeartbeatWatch {
  readonly #options: HeartbeatWatchOptions;
  #heardAt = performance.now();
  #doubted = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: HeartbeatWatchOptions) {
    this.#options = options;
    this.#lookIn(options.timeoutMs);
  }

  /** Cheap: the timer is not touched. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#doubted = false;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * The first silence is only a doubt: this process itself may have slept (a long computation, a laptop that was closed),
   * and what was said meanwhile lies unread in the socket. It is read before the second look.
   */
  #look(): void {
    const { timeoutMs, onSilence } = this.#options;
    const rest = this.#heardAt + timeoutMs - performance.now();
    if (rest > 0) this.#lookIn(rest);
    else if (this.#doubted) onSilence();
    else {
      this.#doubted = true;
      this.#lookIn(Math.min(timeoutMs / 10, 250));
    }
  }

  #lookIn(ms: number): void {
    this.#timer = setTimeout(() => this.#look(), Math.ceil(ms));
    this.#timer.unref();
  }
}
