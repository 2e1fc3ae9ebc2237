// The net under everything else: every so often one engine looks at all unfinished tasks, and mends those that would never
// move again by themselves. First the cheap test over all of them, then, page by page and never for long, all that is kept
// about each. When a retention time is set, finished tasks that are older go a batch at a time.
import type { Logger } from 'pino';
import type { Database } from '../sql/database.ts';
import { pruneTasks, type PrunedBatch } from '../sql/retention.ts';
import { recountStates, sweepTasks, verifyTasks, type CheckedTasks } from '../sql/sweep.ts';
import type { Aftermath } from '../sql/steps.ts';
import { isAway } from './outage.ts';

const TASKS_AT_ONCE = 500;

/** A wake-up that is later than this has been lost by the queue. */
const GRACE_SECONDS = 5;

/** A page is made larger or smaller until it takes about so long, and is followed by a rest of some times its length. */
const PAGE_MS = 30;
const RESTS = 20;

const TASKS_PRUNED_AT_ONCE = 200;
const PRUNING_RESTS = 4;
const PRUNE_AGAIN_MS = 600_000;

/** What is kept of all tasks and steps is counted anew after so long: whatever was missed is right again then. */
const RECOUNT_SECONDS = 86_400;

/** So many ids of mended tasks are logged. */
const LOGGED_TASKS = 20;

export interface SweepOptions {
  readonly database: Database;
  readonly log: Logger;
  /** Seconds between two sweeps, whichever engine does them. */
  readonly everySeconds: number;
  /** Days after which finished tasks are removed; undefined: never. */
  readonly retentionDays: number | undefined;
  readonly onAftermath: (aftermath: Aftermath) => void;
  /** Postgres is away. */
  readonly onAway: (error: unknown) => void;
  /** Resolves after so many ms, or rejects when the signal aborts. */
  readonly pause: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>;
}

export class Sweep {
  readonly #options: SweepOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #pageSize = 100;
  #pruning: AsyncGenerator<PrunedBatch> | undefined;
  #pruneAt = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const everyMs = this.#options.everySeconds * 1000;
    let dueMs = everyMs * Math.random(); // engines that start together do not look together
    while (await this.#rest(dueMs)) {
      // oxlint-disable-next-line no-await-in-loop -- one sweep after the other
      dueMs = (await this.#round(everyMs)) + (everyMs * Math.random()) / 20;
    }
  }

  /** Returns when the next one is due, in ms. */
  async #round(everyMs: number): Promise<number> {
    const startedAt = performance.now();
    try {
      const { swept, dueMs } = await this.#sweep();
      if (!swept) return dueMs;
      await recountStates(this.#options.database, RECOUNT_SECONDS);
      await this.#verify();
      await this.#prune(startedAt + everyMs);
    } catch (error) {
      this.#pruning = undefined;
      if (isAway(error)) this.#options.onAway(error);
      else this.#options.log.warn({ err: error }, 'the sweep for stuck tasks failed; trying again');
    }
    return Math.max(startedAt + everyMs - performance.now(), 0);
  }

  async #sweep(): Promise<{ swept: boolean; dueMs: number }> {
    const { database, everySeconds } = this.#options;
    const graceSeconds = Math.min(GRACE_SECONDS, everySeconds);
    let after: number | null = 0;
    while (after !== null && !this.#stopped.signal.aborted) {
      // oxlint-disable-next-line no-await-in-loop -- the next page begins where this one ends
      const page = await sweepTasks(database, { after, everySeconds, graceSeconds, limit: TASKS_AT_ONCE });
      if (!page.swept) return { swept: after > 0, dueMs: page.due_ms };
      this.#report(page);
      after = page.checked < TASKS_AT_ONCE ? null : page.last_task_id;
    }
    return { swept: true, dueMs: 0 };
  }

  async #verify(): Promise<void> {
    const { database, everySeconds } = this.#options;
    const graceSeconds = Math.min(GRACE_SECONDS, everySeconds);
    let after = 0;
    for (;;) {
      const startedAt = performance.now();
      const limit = this.#pageSize;
      // oxlint-disable-next-line no-await-in-loop -- the next page begins where this one ends
      const page = await verifyTasks(database, { after, graceSeconds, limit });
      this.#report(page);
      if (page.checked < limit || page.last_task_id === null) return;
      after = page.last_task_id;
      const tookMs = performance.now() - startedAt;
      if (tookMs < PAGE_MS / 2) this.#pageSize = Math.min(limit * 2, TASKS_AT_ONCE * 2);
      else if (tookMs > PAGE_MS * 2) this.#pageSize = Math.max(Math.floor(limit / 2), 1);
      // oxlint-disable-next-line no-await-in-loop
      if (!(await this.#rest(tookMs * RESTS))) return;
    }
  }

  #report(page: CheckedTasks): void {
    for (const failure of page.failures) this.#options.log.error(failure, 'a stuck task could not be mended');
    if (page.task_ids.length === 0) return;
    this.#options.log.warn(
      { troubles: page.troubles, task_ids: page.task_ids.slice(0, LOGGED_TASKS) },
      'mended tasks that would not have moved again',
    );
    this.#options.onAftermath(page);
  }

  /** Goes on where it stopped, until nothing is left or the next sweep is due. */
  async #prune(untilMs: number): Promise<void> {
    const { database, retentionDays, log } = this.#options;
    if (retentionDays === undefined || performance.now() < this.#pruneAt) return;
    this.#pruning ??= pruneTasks(
      database,
      { olderThanSeconds: retentionDays * 86_400 },
      TASKS_PRUNED_AT_ONCE,
    );
    let tasks = 0;
    let rested: boolean;
    do {
      const startedAt = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- one batch after the other
      const next: IteratorResult<PrunedBatch, unknown> = await this.#pruning.next();
      if (next.done) {
        this.#pruning = undefined;
        this.#pruneAt = performance.now() + PRUNE_AGAIN_MS;
        break;
      }
      tasks += next.value.tasks;
      for (const kept of next.value.kept)
        log.warn(kept, 'old tasks were kept: rows of another table refer to them');
      // oxlint-disable-next-line no-await-in-loop
      rested = await this.#rest((performance.now() - startedAt) * PRUNING_RESTS);
    } while (rested && performance.now() < untilMs);
    if (tasks > 0) log.info({ tasks, retention_days: retentionDays }, 'removed tasks that ended long ago');
  }

  /** False when the engine stops meanwhile. */
  async #rest(ms: number): Promise<boolean> {
    const { signal } = this.#stopped;
    await this.#options.pause(ms, undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}
