// When a queue that is polled should be looked at: every second while something happens, when the next delayed job comes
// due, and else not at all. A notification says that a job was added, but not whether it is for later: so every one of them
// opens the eyes until a round of recovery has asked what comes next.
import { ATTENTIVE_MS } from '../periods.ts';

/** The longest delay that a timer of Node can hold; what is due later is heard of again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Postgres rounds instants to microseconds, Node its timers to milliseconds: a look just before the time would find nothing. */
const NOT_TOO_EARLY_MS = 2;

/** Between our hearing of the listening connection and its listening. */
const LISTENING_MS = 50;

export interface PollingOptions {
  readonly look: () => void;
  /** Between two looks while something happens. */
  readonly everyMs: number;
}

export class Polling {
  readonly #options: PollingOptions;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer rings, a job is due, and the eyes may close; on the clock of `performance`. */
  #lookAt = Infinity;
  #dueAt = Infinity;
  #attentiveUntil = 0;
  #stopped = false;

  constructor(options: PollingOptions) {
    this.#options = options;
  }

  /** Something was added, or may have been while we could not hear. */
  attend(ms: number = ATTENTIVE_MS): void {
    const now = performance.now();
    this.#attentiveUntil = Math.max(this.#attentiveUntil, now + ms);
    this.#arm(now + this.#options.everyMs);
  }

  /** Notifications do not arrive until further notice. */
  deaf(): void {
    this.attend(Infinity);
  }

  /** They are about to arrive (again). What was added before is found by a look right after that. */
  hears(): void {
    this.#attentiveUntil = 0;
    this.attend();
    this.#arm(performance.now() + LISTENING_MS);
  }

  /** A job comes due in so many ms; 0: it is due. Of several the nearest counts; the others will be heard of again. */
  expect(inMs: number): void {
    this.#dueAt = Math.min(this.#dueAt, performance.now() + (inMs > 0 ? inMs + NOT_TOO_EARLY_MS : 0));
    this.#arm(this.#dueAt);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(lookAt: number): void {
    if (this.#stopped || lookAt >= this.#lookAt) return;
    clearTimeout(this.#timer);
    this.#lookAt = lookAt;
    const delay = Math.min(Math.max(Math.ceil(lookAt - performance.now()), 0), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => this.#ring(), delay);
  }

  #ring(): void {
    this.#lookAt = Infinity;
    const now = performance.now();
    if (now >= this.#dueAt) {
      this.#dueAt = Infinity;
      this.#attentiveUntil = Math.max(this.#attentiveUntil, now + ATTENTIVE_MS); // until we hear of the next one
    }
    this.#options.look();
    if (now < this.#attentiveUntil) this.#arm(now + this.#options.everyMs);
    if (this.#dueAt < Infinity) this.#arm(this.#dueAt);
  }
}
