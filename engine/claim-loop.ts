// Asks Postgres for viable steps that this process can run, up to its free capacity. It asks when it was woken (steps
// became ready, a slot was freed) and now and then in case a notification was lost; never in between. Children and first
// steps come unasked, with the recording of their parents and the start of their tasks: slots are lent to those. After an
// error it first asks for what it may have claimed without hearing of it.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import type { Room, WorkerIdentity } from '../sql/steps.ts';
import { crewFor, share, type Crew, type Share } from './crew.ts';
import { isAway } from './outage.ts';
import type { Slots } from './running-claim.ts';

/** Claims more than this at once hold their locks for long and fill the process with waiting steps. */
const STEPS_AT_ONCE = 500;
const PAUSE_AFTER_ERROR_MS = 1000;

export interface ClaimLoopOptions {
  /** Who we are at this moment. */
  readonly identity: () => WorkerIdentity;
  /** Claims up to so many steps. */
  readonly claim: (worker: WorkerIdentity, room: Room) => Promise<ClaimedStep[]>;
  /** What is claimed for us and never reached us. */
  readonly undelivered: (worker: WorkerIdentity) => Promise<ClaimedStep[]>;
  /** Who runs steps now. */
  readonly crews: () => readonly Crew[];
  readonly dispatch: (worker: WorkerIdentity, steps: readonly ClaimedStep[], crewOf: Share['crewOf']) => void;
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
export interface Loan extends Share {
  readonly ended: number;
}

export class ClaimLoop {
  readonly #options: ClaimLoopOptions;
  readonly #stopping = new AbortController();
  #woken = false;
  /** Not only those whose last claim took all that it could. */
  #forAll = true;
  #goesOnSoon = false;
  #uncertain = false;
  /** Loans that recordings, and starts of tasks, under way may use. */
  #loans = 0;
  #lender: (() => void) | undefined;
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
    this.#forAll = true;
    this.#goOn();
  }

  /**
   * A step ended. Worth a claim only when the last one took all that it could; and only after the recording of the step has
   * been sent, a turn later, which is the first to fill the slot.
   */
  slotFreed({ hungry }: Pick<Slots, 'hungry'>): void {
    if (!hungry || this.#goesOnSoon) return;
    this.#goesOnSoon = true;
    setImmediate(() =>
      setImmediate(() => {
        this.#goesOnSoon = false;
        this.#goOn();
      }),
    );
  }

  /** Slots for what follows when so many steps are recorded, or tasks started. Every loan ends in repay or writeOff. */
  lend(ended: number): Loan {
    const closed = this.#stopping.signal.aborted || this.#uncertain;
    const crews = closed ? [] : this.#options.crews();
    const lent = share(crews, (crew) => Math.min(Math.ceil(ended * crew.children), ended, crew.free));
    for (const { crew, slots } of lent.parts) crew.lent += slots;
    if (lent.slots > 0) this.#loans += 1;
    return { ...lent, ended };
  }

  /** The statement that was sent at `asked` brought these steps. */
  repay(loan: Loan, asked: number, worker: WorkerIdentity, steps: readonly ClaimedStep[]): void {
    for (const { crew, slots } of loan.parts) {
      if (slots === 0) continue;
      const needed = (2 * broughtFor(crew, loan, steps)) / loan.ended;
      crew.children = Math.max(needed, crew.children / 2, Number.EPSILON);
    }
    if (this.#tooLate(asked)) this.#uncertain = true;
    else if (steps.length > 0) this.#options.dispatch(worker, steps, loan.crewOf);
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
      const asked = share(this.#askers(), (crew) => crew.free, STEPS_AT_ONCE);
      // A full answer says that there may be more; anything else waits to be woken.
      if (!(await this.#claim(asked))) await this.#sleep(this.#options.pollIntervalMs());
    }
  }

  /** A slot that was freed says nothing of what the crews could find that have looked in vain. */
  #askers(): readonly Crew[] {
    const crews = this.#options.crews();
    const all = this.#forAll || this.#uncertain;
    this.#forAll = false;
    return all ? crews : crews.filter(({ hungry }) => hungry);
  }

  #goOn(): void {
    this.#woken = true;
    this.#sleeper?.();
  }

  /** True when it is worth to claim again at once. */
  async #claim(asked: Share): Promise<boolean> {
    for (const { crew, slots } of asked.parts) crew.asked = slots;
    const claimed = asked.slots > 0 ? await this.#claimed(asked) : [];
    for (const { crew, slots } of asked.parts) {
      crew.asked = 0;
      crew.hungry = claimed === 'unknown' || broughtFor(crew, asked, claimed) >= slots;
    }
    return asked.parts.some(({ crew, slots }) => slots > 0 && crew.hungry);
  }

  /** What was claimed and dispatched; `unknown` when that says nothing of what is ready. */
  async #claimed(asked: Share): Promise<readonly ClaimedStep[] | 'unknown'> {
    const { identity, claim, undelivered, dispatch } = this.#options;
    const mends = this.#uncertain;
    if (mends) await this.#allRepaid(); // else the same steps would reach us twice
    const worker = identity();
    const sentAt = performance.now();
    try {
      const steps = mends ? await undelivered(worker) : await claim(worker, asked.room);
      // a loan that was written off while we claimed leaves its own uncertainty, which this answer does not end
      const late = this.#tooLate(sentAt);
      if (late || mends) this.#uncertain = late;
      if (late) return 'unknown';
      if (steps.length > 0) dispatch(worker, steps, mends ? this.#anyCrew : asked.crewOf);
      return mends ? 'unknown' : steps;
    } catch (error) {
      await this.#afterError(worker, error);
      return 'unknown';
    }
  }

  readonly #anyCrew = (handler: string): Crew | undefined => crewFor(this.#options.crews(), handler);

  /** We were frozen while the answer was on its way: others may have taken the steps back. Ask which are still ours. */
  #tooLate(asked: number): boolean {
    return performance.now() - asked > this.#options.leaseMs;
  }

  #returned({ parts, slots: all }: Loan): void {
    for (const { crew, slots } of parts) crew.lent -= slots;
    if (this.#uncertain || parts.some(({ crew }) => crew.hungry)) this.#goOn();
    if (all === 0) return;
    this.#loans -= 1;
    if (this.#loans === 0) this.#lender?.();
  }

  #allRepaid(): Promise<void> {
    if (this.#loans === 0) return Promise.resolve();
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
      const timer = setTimeout(() => {
        this.#forAll = true;
        wakeUp();
      }, ms);
      this.#sleeper = wakeUp;
    });
  }
}

function broughtFor(crew: Crew, { parts, crewOf }: Share, steps: readonly ClaimedStep[]): number {
  if (parts.length === 1) return steps.length;
  return steps.filter(({ handler }) => crewOf(handler) === crew).length;
}
