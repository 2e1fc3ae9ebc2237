// Ends tasks at their deadline: a timer is armed for the earliest one in the database, so that it is met to some ten
// milliseconds while an engine runs and costs nothing before. Every engine does so; the first to come does the work.
import type { Logger } from 'pino';
import type { Database } from '../sql/database.ts';
import type { Aftermath } from '../sql/steps.ts';
import { expireTasks } from '../sql/tasks.ts';

const TASKS_AT_ONCE = 500;

/** A task past its deadline that somebody writes to right now is tried again after so many milliseconds. */
const TRY_AGAIN_MS = 50;

/** The longest delay that a timer of Node can hold; a later deadline is looked at again then. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface DeadlinesOptions {
  readonly database: Database;
  readonly onAftermath: (aftermath: Aftermath) => void;
  readonly log: Logger;
}

export class Deadlines {
  readonly #options: DeadlinesOptions;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Infinity;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
  }

  /** Some may have passed, or an earlier one may have been set. One look at a time; a call during one makes it look again. */
  look(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
  }

  /** The earliest is so far off, in ms; 0 or less: it has passed. What was heard before may be nearer, and stays. */
  expect(inMs: number): void {
    if (inMs <= 0) this.look();
    else if (performance.now() + inMs < this.#dueAt) this.#arm(inMs);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { database, onAftermath, log } = this.#options;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        const { finalized, next_in_ms } = await expireTasks(database, TASKS_AT_ONCE);
        if (finalized.length > 0) {
          const task_ids = finalized.map(({ task_id }) => task_id);
          log.warn({ task_ids }, 'the deadline of tasks passed: they ended in error');
          onAftermath({ ready_handlers: [], finalized, wakeups: 0 });
        }
        this.#arm(next_in_ms);
      } catch (error) {
        log.debug({ err: error }, 'deadlines could not be looked at; the next round of recovery does'); // and says why
      }
    }
  }

  #arm(inMs: number | null): void {
    clearTimeout(this.#timer);
    this.#dueAt = Infinity;
    if (inMs === null || this.#stopped) return;
    const delay = inMs > 0 ? Math.min(Math.ceil(inMs), LONGEST_TIMER_MS) : TRY_AGAIN_MS;
    this.#dueAt = performance.now() + delay;
    this.#timer = setTimeout(() => {
      this.#dueAt = Infinity;
      this.look();
    }, delay);
  }
}
