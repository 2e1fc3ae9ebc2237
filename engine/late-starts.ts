// Most steps end within milliseconds, and their start and end are written together. Here are those that take longer: their
// in_progress rows are written once they have run for a while, one statement for all that were dispatched together.
import type { Logger } from 'pino';
import type { Executor } from '../sql/database.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import { writeStarts } from '../sql/steps.ts';
import { isAway } from './outage.ts';

/** What could not be written is tried again so much later, while it runs: an hour-long step must not stay unseen. */
const TRY_AGAIN_MS = 1000;

export interface LateStartsOptions {
  readonly database: Executor;
  /** Milliseconds from the dispatch; 0: starts are written with the claims, and there is nothing to do here. */
  readonly afterMs: number;
  readonly isRunning: (step: ClaimedStep) => boolean;
  /** After a failure. Default 1000. */
  readonly tryAgainMs?: number;
  readonly log: Logger;
}

export class LateStarts {
  readonly #options: LateStartsOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #writing = new Set<Promise<void>>();
  #stopped = false;

  constructor(options: LateStartsOptions) {
    this.#options = options;
  }

  get enabled(): boolean {
    return this.#options.afterMs > 0;
  }

  watch(steps: readonly ClaimedStep[]): void {
    if (this.enabled) this.#watchFor(this.#options.afterMs, steps);
  }

  #watchFor(ms: number, steps: readonly ClaimedStep[]): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const running = steps.filter((step) => this.#options.isRunning(step));
      if (running.length === 0) return;
      const writing = this.#write(running).finally(() => this.#writing.delete(writing));
      this.#writing.add(writing);
    }, ms);
    this.#timers.add(timer);
  }

  /** Writes no more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await Promise.all(this.#writing);
  }

  /** What fails here is tried again, and written with the outcome or when the step is taken away in any case. */
  async #write(running: readonly ClaimedStep[]): Promise<void> {
    try {
      await writeStarts(this.#options.database, running);
    } catch (error) {
      if (!isAway(error)) this.#options.log.warn({ err: error }, 'steps could not be shown as in progress');
      this.#watchFor(this.#options.tryAgainMs ?? TRY_AGAIN_MS, running);
    }
  }
}
