// Asks Postgres for viable steps that this process can run, up to its free capacity. It asks when it was woken (steps
// became ready, a slot was freed) and now and then in case a notification was lost; never in between. Children and first
// steps come unasked, with the recording of their parents and the start of their tasks: slots are lent to those. After an
// error it first asks for what it may have claimed without hearing of it.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import type { WorkerIdentity } from '../sql/steps.ts';
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
  /** How long to sleep, at this moment, when nobody wakes it. */
  readonly pollIntervalMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly log: Logger;
}

/** Slots that a recording may fill with children of the steps that it ends, or the start of tasks with their first steps. */
export interface Loan {
  readonly ended: number;
  readonly slots: number;
}

export class ClaimLoop {
  readonly #options: ClaimLoopOptions;
  readonly #stopping = new AbortController();
  #woken = false;
  #hungry = false;
  #uncertain = false;
  /** Slots that recordings, and starts of tasks, under way may fill. */
  #lent = 0;
  #lender: (() => void) | undefined;
  /** Slots that the claim under way may fill. */
  #asked = 0;
  /**
   * How many slots are lent for each step that ends: twice what the last loan needed, less and less while none is needed. What
   * is lent in vain cannot be claimed meanwhile, as when ten thousand siblings end that have one child together.
   */
  #children = 1;
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

  /** Slots for what follows when so many steps are recorded, or tasks started. Every loan ends in repay or writeOff. */
  lend(ended: number): Loan {
    if (this.#stopping.signal.aborted || this.#uncertain) return { ended, slots: 0 };
    const free = this.#options.freeCapacity() - this.#lent - this.#asked;
    const slots = Math.max(0, Math.min(Math.ceil(ended * this.#children), ended, free));
    this.#lent += slots;
    return { ended, slots };
  }

  /** The statement that was sent at `asked` brought these steps. */
  repay(loan: Loan, asked: number, worker: WorkerIdentity, steps: readonly ClaimedStep[]): void {
    const needed = (2 * steps.length) / loan.ended;
    if (loan.slots > 0) this.#children = Math.max(needed, this.#children / 2, Number.EPSILON);
    if (this.#tooLate(asked)) this.#uncertain = true;
    else if (steps.length > 0) this.#options.dispatch(worker, steps);
    this.#returned(loan);
  }

  /** The statement failed: it may have claimed steps all the same. */
  writeOff(loan: Loan): void {
    if (loan.slots > 0) this.#uncertain = true;
    this.#returned(loan);
  }

  /** Resolves when nothing more will be claimed, and what was claimed has come. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#loop;
    await this.#allRepaid();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#woken = false;
      const free = Math.min(this.#options.freeCapacity() - this.#lent, STEPS_AT_ONCE);
      this.#asked = Math.max(free, 0);
      const claimed = free > 0 ? await this.#claim(free) : 0;
      this.#asked = 0;
      // A full answer says that there may be more; anything else waits to be woken.
      this.#hungry = claimed >= free;
      if (!this.#hungry || free <= 0) await this.#sleep(this.#options.pollIntervalMs());
    }
  }

  async #claim(free: number): Promise<number> {
    const { identity, claim, undelivered, dispatch } = this.#options;
    const mends = this.#uncertain;
    if (mends) await this.#allRepaid(); // else the same steps would reach us twice
    const worker = identity();
    const asked = performance.now();
    try {
      const steps = mends ? await undelivered(worker) : await claim(worker, free);
      // a loan that was written off while we claimed leaves its own uncertainty, which this answer does not end
      const late = this.#tooLate(asked);
      if (late || mends) this.#uncertain = late;
      if (late) return free;
      if (steps.length > 0) dispatch(worker, steps);
      return mends ? free : steps.length; // what was undelivered says nothing of what is ready
    } catch (error) {
      await this.#afterError(worker, error);
      return free;
    }
  }

  /** We were frozen while the answer was on its way: others may have taken the steps back. Ask which are still ours. */
  #tooLate(asked: number): boolean {
    return performance.now() - asked > this.#options.leaseMs;
  }

  #returned({ slots }: Loan): void {
    this.#lent -= slots;
    if (this.#uncertain || this.#hungry) this.wake();
    if (this.#lent === 0) this.#lender?.();
  }

  #allRepaid(): Promise<void> {
    if (this.#lent === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#lender = resolve;
    });
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
