// Asks Postgres for viable steps that this process can run, up to its free capacity. It asks when it was woken (steps
// became ready, a slot was freed) and once a second in case a notification was lost; never in between. After an error it
// first asks for what it may have claimed without hearing of it.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { ClaimedStep, WorkerIdentity } from '../sql/steps.ts';
import { isAway } from './outage.ts';

/** Claims more than this at once hold their locks for long and fill the process with waiting steps. */
const STEPS_AT_ONCE = 500;
const PAUSE_AFTER_ERROR_MS = 1000;

export interface ClaimLoopOptions {
  /** Who we are at this moment. */
  readonly identity: () => WorkerIdentity;
  /** Claims up to so many steps. */
  readonly claim: (worker: WorkerIdentity, capacity: number) => Promise<ClaimedStep[]>;
  /** What is claimed for us and never reached us. */
  readonly undelivered: (worker: WorkerIdentity) => Promise<ClaimedStep[]>;
  /** How many more steps may run now. */
  readonly freeCapacity: () => number;
  readonly dispatch: (worker: WorkerIdentity, steps: readonly ClaimedStep[]) => void;
  /** The worker was declared dead: come back before claiming on. */
  readonly onFenced: (lost: WorkerIdentity) => Promise<void>;
  /** Resolves when Postgres is back, or when the signal aborts. */
  readonly outageOver: (error: unknown, signal: AbortSignal) => Promise<void>;
  /** After so long without a sign of life others take our steps back. */
  readonly leaseMs: number;
  readonly pollIntervalMs: number;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: Logger;
}

export class ClaimLoop {
  readonly #options: ClaimLoopOptions;
  readonly #stopping = new AbortController();
  #woken = false;
  #hungry = false;
  #uncertain = false;
  #sleeper: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ClaimLoopOptions) {
    this.#options = options;
  }

  start(): void {
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

  /** Resolves when nothing more will be claimed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#woken = false;
      const free = Math.min(this.#options.freeCapacity(), STEPS_AT_ONCE);
      const claimed = free > 0 ? await this.#claim(free) : 0;
      // A full answer says that there may be more; anything else waits to be woken.
      this.#hungry = claimed >= free;
      if (!this.#hungry || free <= 0) await this.#sleep(this.#options.pollIntervalMs);
    }
  }

  async #claim(free: number): Promise<number> {
    const { identity, claim, undelivered, dispatch } = this.#options;
    const worker = identity();
    const asked = performance.now();
    try {
      const steps = this.#uncertain ? await undelivered(worker) : await claim(worker, free);
      const certain = !this.#uncertain;
      // We were frozen while the answer was on its way: others may have taken the steps back. Ask which are still ours.
      this.#uncertain = performance.now() - asked > this.#options.leaseMs;
      if (this.#uncertain) return free;
      if (steps.length > 0) dispatch(worker, steps);
      return certain ? steps.length : free; // what was undelivered says nothing of what is ready
    } catch (error) {
      await this.#afterError(worker, error);
      return free;
    }
  }

  async #afterError(worker: WorkerIdentity, error: unknown): Promise<void> {
    const { onFenced, outageOver, pause, log } = this.#options;
    this.#uncertain = true;
    if (isAway(error)) return outageOver(error, this.#stopping.signal);
    if (error instanceof TreadleError && error.code === 'fenced') {
      return onFenced(worker).catch(() => pause(PAUSE_AFTER_ERROR_MS)); // the next heartbeat comes back as well
    }
    if (!this.#stopping.signal.aborted) log.warn({ err: error }, 'claiming steps failed; trying again');
    await pause(PAUSE_AFTER_ERROR_MS);
  }

  #sleep(ms: number): Promise<void> {
    if (this.#woken || this.#stopping.signal.aborted) return Promise.resolve();
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
