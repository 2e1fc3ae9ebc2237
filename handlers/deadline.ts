// Runs work that may outlive its time. When the time is up the caller gets its answer at once, the work is told, and
// whatever it still answers is handed to `onLate`, once, so that no rejection is left unhandled.

/** The longest delay that a Node timer can hold; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The reason in the signal of an attempt that has outlived its timeout. */
export class TimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`the attempt took longer than its timeout of ${timeoutMs / 1000} s`);
    this.name = 'TimeoutError';
  }
}

export interface Deadline {
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
  /** The time is up: whoever works should stop. */
  onTimeout(reason: TimeoutError): void;
  onLate(answer: PromiseSettledResult<unknown>): void;
  /** The time was up for so many milliseconds before anybody could notice: something blocked the event loop. */
  onBlocked?(blockedMs: number): void;
}

/** Timers come a little late on a busy machine; this late, something blocked the loop. */
const BLOCKED_MS = 100;

/** What `work` answers, or a rejection with TimeoutError. */
export function withinDeadline<Result>(deadline: Deadline, work: () => Promise<Result>): Promise<Result> {
  const { timeoutMs } = deadline;
  return timeoutMs === undefined ? work() : race(deadline, timeoutMs, work);
}

function race<Result>(deadline: Deadline, timeoutMs: number, work: () => Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const clock = new Clock(deadline, timeoutMs, reject);
    work().then(
      (value) => {
        if (clock.stop()) resolve(value);
        else deadline.onLate({ status: 'fulfilled', value });
      },
      (reason: unknown) => {
        if (clock.stop()) reject(reason);
        else deadline.onLate({ status: 'rejected', reason });
      },
    );
  });
}

/** Runs until it is stopped, or until the time is up. */
class Clock {
  readonly #deadline: Deadline;
  readonly #timeoutMs: number;
  readonly #onTimeout: (reason: TimeoutError) => void;
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  constructor(deadline: Deadline, timeoutMs: number, onTimeout: (reason: TimeoutError) => void) {
    this.#deadline = deadline;
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
    this.#timer = setTimeout(() => this.#timeOut(), Math.min(timeoutMs, MAX_TIMER_MS));
  }

  /** Whether it was in time. Work that held the event loop ends before the timer can fire: the clock decides, not the order. */
  stop(): boolean {
    clearTimeout(this.#timer);
    if (!this.#isOver && this.#overdueMs > 0) this.#timeOut();
    return !this.#isOver;
  }

  get #overdueMs(): number {
    return performance.now() - this.#startedAt - this.#timeoutMs;
  }

  #timeOut(): void {
    const overdueMs = this.#overdueMs;
    this.#isOver = true;
    const reason = new TimeoutError(this.#timeoutMs);
    this.#onTimeout(reason); // before the work is told: what it does about it comes too late
    this.#deadline.onTimeout(reason);
    if (overdueMs >= BLOCKED_MS) this.#deadline.onBlocked?.(overdueMs);
  }
}
