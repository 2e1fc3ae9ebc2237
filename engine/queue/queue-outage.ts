// The queue's server is away: said once (here, or by a queue that watches its connection), tried again with growing pauses instead of at every decision, and said once more
// when it is back. Meanwhile wake-ups stay where they are safe, in treadle.wakeups.
import type { Logger } from 'pino';
import { TreadleError } from '../../core/errors.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

export interface QueueOutageOptions {
  readonly log: Logger;
  /** Whether the queue has said itself that its server is away: one outage is one line. */
  readonly hasSaidAway: () => boolean;
  /** How many wake-ups wait. */
  readonly waiting: () => Promise<number>;
  /** Time to try again. */
  readonly onRetry: () => void;
}

export class QueueOutage {
  readonly #options: QueueOutageOptions;
  #began: number | undefined;
  #reason = '';
  #level: 'warn' | 'debug' = 'warn';
  #pauseMs = FIRST_PAUSE_MS;
  #handed = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: QueueOutageOptions) {
    this.#options = options;
  }

  /** From the first failure until everything that waited has been handed over. */
  get lasts(): boolean {
    return this.#began !== undefined;
  }

  /** What the last failure said; empty when there is no outage. */
  get reason(): string {
    return this.#reason;
  }

  /** The queue did not take jobs. */
  async failed(failure: TreadleError): Promise<void> {
    const isNew = !this.lasts;
    this.#began ??= performance.now();
    this.#reason = failure.message;
    this.wait();
    if (!isNew) return;
    const waiting = await this.#options.waiting().catch(() => undefined); // Postgres may be away too
    this.#level = this.#options.hasSaidAway() ? 'debug' : 'warn';
    this.#options.log[this.#level](
      { waiting },
      `the queue is away: ${failure.message}; tasks wait in Postgres until it is back`,
    );
  }

  /** The queue took so many; `all` when nothing waits any more. */
  took(count: number, all: boolean): void {
    if (this.#began === undefined) return;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#handed += count;
    if (!all) return;
    const seconds = ((performance.now() - this.#began) / 1000).toFixed(1);
    this.#options.log[this.#level === 'warn' ? 'info' : 'debug'](
      { handed_over: this.#handed },
      `the queue is back after ${seconds} s; ${this.#handed} wake-ups that waited were handed over`,
    );
    this.#began = undefined;
    this.#reason = '';
    this.#handed = 0;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /**
   * Tries again after the next pause. Between half of it and all of it: engines that lost the queue together must not come
   * back in step.
   */
  wait(): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(this.#options.onRetry, this.#pauseMs * (0.5 + Math.random() / 2));
    this.#timer.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

/** What a queue threw, as the error that it should be. */
export function asQueueError(error: unknown): TreadleError {
  if (error instanceof TreadleError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TreadleError('queue_unavailable', message, { cause: error });
}
