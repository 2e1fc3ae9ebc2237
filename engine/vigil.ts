// Watches over the other engines: when one dies its lock is free at once, and its steps must run elsewhere within a fifth
// of a second. Looks often while others run steps, seldom otherwise. It never waits for a lock: a statement that waits holds
// a snapshot, and with it every dead row of the hot tables.
import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Executor } from '../sql/database.ts';
import { watchWorkers, type Watched } from '../sql/steps.ts';
import { isAway } from './outage.ts';

/** All watchers together look some forty times a second, however many they are. */
const MS_PER_OTHER = 25;
const SHORTEST_MS = 40;
/** Nobody else ran anything for the last while. */
const QUIET_MS = 5000;
/** Without notifications nobody tells us that others begin. */
const QUIET_UNTOLD_MS = 1000;
const QUIET_AFTER_MS = 2000;
/** One look is no proof, a session that broke may be on its way back: so many more, so far apart. */
const MORE_LOOKS = 2;
const NEXT_LOOK_MS = 25;
/** How often the claims of others are asked for. */
const ASK_CLAIMS_MS = 1000;
/** After our own connection was lost those of others probably were too; so long their silence proves nothing. */
const BLIND_MS = 3000;

export interface VigilOptions {
  /** Which connection to ask on, at this moment. */
  readonly connection: () => Executor;
  readonly workerId: () => number;
  /** Whether others tell us when they begin (we can listen). */
  readonly isTold: () => boolean;
  /** These workers are dead, as far as we can see. */
  readonly onAbsent: (workerIds: readonly number[]) => Promise<void>;
  readonly onAway: (error: unknown) => void;
  readonly log: Logger;
}

export class Vigil {
  readonly #options: VigilOptions;
  #others = 0;
  #busyUntil = 0;
  #blindUntil = 0;
  #askAgainAt = 0;
  #announcedAt = -ASK_CLAIMS_MS;
  #lookAgain = false;
  #stopped = true;
  #sleeper: (() => void) | undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: VigilOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.lookSharp(); // the last notice may have been given just before we came
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sleeper?.();
    await this.#loop;
  }

  /** Somebody else has begun to run steps or has just come, or we may have missed that. */
  lookSharp(): void {
    this.#askAgainAt = 0;
    this.#busyUntil = performance.now() + QUIET_AFTER_MS;
    this.#lookAgain = true; // also when a look is under way: it may have been too early
    this.#sleeper?.();
  }

  /** Our own connection was lost, or Postgres was away for everybody and has just come back. */
  blind(): void {
    this.#blindUntil = performance.now() + BLIND_MS;
  }

  /** Whether the silence of others, their locks and their leases, says nothing for now. */
  get isBlind(): boolean {
    return performance.now() < this.#blindUntil;
  }

  /** Whether nobody else has run or said anything for a while, as far as we were told. */
  get isQuiet(): boolean {
    return performance.now() > this.#busyUntil;
  }

  /** Whether no other engine lives, as far as we know. */
  get isAlone(): boolean {
    return this.#others === 0;
  }

  /** Whether the others should hear when we begin to run steps; not more often than they would look anyway. */
  get wantsNotice(): boolean {
    return this.#others > 0 && performance.now() - this.#announcedAt >= ASK_CLAIMS_MS;
  }

  noticeGiven(): void {
    this.#announcedAt = performance.now();
  }

  get #periodMs(): number {
    if (this.#others === 0 || performance.now() > this.#busyUntil) {
      return this.#options.isTold() ? QUIET_MS : QUIET_UNTOLD_MS;
    }
    // watchers that look in step see a death later than those that do not
    return Math.max(SHORTEST_MS, MS_PER_OTHER * this.#others) * (0.8 + 0.4 * Math.random());
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#lookAgain = false;
      await this.#look();
      await this.#sleep(this.#periodMs);
    }
  }

  async #look(): Promise<void> {
    const { onAbsent, onAway, log } = this.#options;
    try {
      let { absent } = await this.#watch();
      for (let look = 0; look < MORE_LOOKS && absent.length > 0; look += 1) {
        await pause(NEXT_LOOK_MS);
        const still = new Set((await this.#watch()).absent);
        absent = absent.filter((workerId) => still.has(workerId));
      }
      if (absent.length > 0 && !this.isBlind && !this.#stopped) await onAbsent(absent);
    } catch (error) {
      if (isAway(error)) {
        this.blind();
        onAway(error);
      } else if (!this.#stopped)
        log.warn({ err: error }, 'the other workers could not be watched; trying again');
      await pause(NEXT_LOOK_MS);
    }
  }

  async #watch(): Promise<Watched> {
    const now = performance.now();
    const ask = now >= this.#askAgainAt;
    const watched = await watchWorkers(this.#options.connection(), this.#options.workerId(), ask);
    this.#others = watched.others;
    if (ask) this.#askAgainAt = now + ASK_CLAIMS_MS;
    if (watched.claimed) this.#busyUntil = performance.now() + QUIET_AFTER_MS;
    return watched;
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stopped || this.#lookAgain) return Promise.resolve();
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
