// Asks Postgres for viable steps that this process can run, up to its free capacity. It asks when it was woken (steps
// became ready, a slot was freed) and once a second in case a notification was lost; never in between.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { ClaimedStep } from '../sql/steps.ts';

/** Claims more than this at once hold their locks for long and fill the process with waiting steps. */
const STEPS_AT_ONCE = 500;
const PAUSE_AFTER_ERROR_MS = 1000;

export interface ClaimLoopOptions {
  /** Claims up to so many steps. */
  readonly claim: (capacity: number) => Promise<ClaimedStep[]>;
  /** How many more steps may run now. */
  readonly freeCapacity: () => number;
  readonly dispatch: (steps: readonly ClaimedStep[]) => void;
  /** The worker was declared dead: register again before claiming on. */
  readonly onFenced: () => Promise<void>;
  readonly pollIntervalMs: number;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: Logger;
}

export class ClaimLoop {
  readonly #options: ClaimLoopOptions;
  #woken = false;
  #hungry = false;
  #stopped = true;
  #sleeper: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ClaimLoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.#loop = this.#run();
  }

  /** There may be something to claim. */
  wake(): void {
    this.#woken = true;
    this.#sleeper?.();
  }

  /** A step ended. Worth a claim only when the last one took all that it could. */
  slotFreed(): void {
    if (this.#hungry) this.wake();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#woken = false;
      const free = Math.min(this.#options.freeCapacity(), STEPS_AT_ONCE);
      const claimed = free > 0 ? await this.#claim(free) : 0;
      // A full answer says that there may be more; anything else waits to be woken.
      this.#hungry = claimed >= free;
      if (!this.#hungry || free <= 0) await this.#sleep(this.#options.pollIntervalMs);
    }
  }

  async #claim(free: number): Promise<number> {
    try {
      const steps = await this.#options.claim(free);
      if (steps.length > 0) this.#options.dispatch(steps);
      return steps.length;
    } catch (error) {
      if (error instanceof TreadleError && error.code === 'fenced') {
        this.#options.log.warn('this worker was declared dead; registering again');
        await this.#options.onFenced().catch(() => {}); // recovery registers again with its next heartbeat
      } else if (!this.#stopped) {
        this.#options.log.warn({ err: error }, 'claiming steps failed; trying again');
      }
      await this.#options.pause(PAUSE_AFTER_ERROR_MS);
      return free;
    }
  }

  #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wakeUp = (): void => {
        clearTimeout(timer);
        this.#sleeper = undefined;
        resolve();
      };
      const timer = setTimeout(wakeUp, ms);
      this.#sleeper = wakeUp;
    });
  }
}
