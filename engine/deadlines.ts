// Ends tasks at their deadline: a timer is armed for the earliest one in the database, so that it is met to some ten
// milliseconds while an engine runs and costs nothing before. Every engine does so; the first to come does the work.
import type { Logger } from 'pino';
import type { Database } from '../sql/database.ts';
import type { Aftermath } from '../sql/steps.ts';
import { expireTasks } from '../sql/tasks.ts';
import { NextLook } from './next-look.ts';

const TASKS_AT_ONCE = 500;

/** A task past its deadline that somebody writes to right now is tried again after so many milliseconds. */
const TRY_AGAIN_MS = 50;

export interface DeadlinesOptions {
  readonly database: Database;
  readonly onAftermath: (aftermath: Aftermath) => void;
  readonly log: Logger;
}

export class Deadlines {
  readonly #options: DeadlinesOptions;
  readonly #nextLook = new NextLook(() => this.#look());

  constructor(options: DeadlinesOptions) {
    this.#options = options;
  }

  /** Some may have passed, or an earlier one may have been set. */
  look(): void {
    this.#nextLook.now();
  }

  /** The earliest is so far off, in ms; 0 or less: it has passed. */
  expect(inMs: number): void {
    this.#nextLook.expect(inMs);
  }

  async stop(): Promise<void> {
    await this.#nextLook.stop();
  }

  async #look(): Promise<void> {
    const { database, onAftermath, log } = this.#options;
    try {
      const { finalized, next_in_ms } = await expireTasks(database, TASKS_AT_ONCE);
      if (finalized.length > 0) {
        const task_ids = finalized.map(({ task_id }) => task_id);
        log.warn({ task_ids }, 'the deadline of tasks passed: they ended in error');
        onAftermath({ ready_handlers: [], finalized, wakeups: 0 });
      }
      this.#nextLook.plan(next_in_ms !== null && next_in_ms <= 0 ? TRY_AGAIN_MS : next_in_ms);
    } catch (error) {
      log.debug({ err: error }, 'deadlines could not be looked at; the next round of recovery does'); // and says why
    }
  }
}
