// Hands wake-ups from an outbox (treadle.wakeups; treadle.tasks_for_rails) to a queue: in the order of their instants, each page in a transaction
// that commits when the queue has taken it, so at least once. What the queue cannot hold for so long stays in Postgres until
// it is near. While the queue is away nothing is lost: the rows wait.
import type { Logger } from 'pino';
import type { Emit } from '../../core/events.ts';
import { TreadleError } from '../../core/errors.ts';
import type { Database, Executor } from '../../sql/database.ts';
import { takeTasksForRails, waitingForRails } from '../../sql/fleet.ts';
import {
  notifyEngines,
  takeWakeups,
  waitingWakeups,
  type EngineMessage,
  type WaitingWakeups,
  type Wakeup,
} from '../../sql/tasks.ts';
import { isAway } from '../outage.ts';
import { LONGEST_ROUND_MS } from '../periods.ts';
import { dedupeKey, type QueueAdapter, type TaskJob } from './adapter.ts';
import { asQueueError, QueueOutage } from './queue-outage.ts';

const WAKEUPS_AT_ONCE = 500;

/** Adapters give up after some three seconds; one that does not must not hold a transaction open. */
const LONGEST_ENQUEUE_MS = 10_000;

/**
 * Below this a timer of our own is armed beside the job: queues look for delayed jobs only every second or so. What is due
 * later is seen in time by a round of recovery.
 */
const SHORT_DELAY_MS = LONGEST_ROUND_MS + 1000;

/** Another engine is at the first of those that wait: its turn first. */
const OTHERS_TURN_MS = 1000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Where wake-ups wait for the queue. */
export interface Outbox {
  /** Fewer than `limit`: there are no more. */
  readonly take: (tx: Executor, limit: number, aheadMs?: number) => Promise<Wakeup[]>;
  readonly waiting: (db: Executor, aheadMs?: number) => Promise<WaitingWakeups>;
  /** What engines are told when there is something in it. */
  readonly message: EngineMessage;
}

/** Of tasks that come back to Treadle. */
const WAKEUPS: Outbox = { take: takeWakeups, waiting: waitingWakeups, message: 'wakeups' };

/** Of tasks that the Rails engine is to run. */
export const TASKS_FOR_RAILS: Outbox = {
  take: takeTasksForRails,
  waiting: waitingForRails,
  message: 'rails',
};

export interface HandoverOptions {
  readonly database: Database;
  readonly queue: QueueAdapter;
  /** Default: the wake-ups of Treadle. */
  readonly outbox?: Outbox;
  readonly emit: Emit;
  readonly log: Logger;
  /** A statement failed because Postgres is away. */
  readonly onAway: (error: unknown) => void;
  /** A task whose short wait is over. */
  readonly onDue: (taskId: number) => void;
}

export class Handover {
  readonly #options: HandoverOptions;
  readonly #outbox: Outbox;
  readonly #outage: QueueOutage;
  readonly #timers = new Set<NodeJS.Timeout>();
  #near: NodeJS.Timeout | undefined;
  #draining: Promise<void> | undefined;
  #again = false;
  #left = false;

  constructor(options: HandoverOptions) {
    this.#options = options;
    this.#outbox = options.outbox ?? WAKEUPS;
    this.#outage = new QueueOutage({
      log: options.log,
      hasSaidAway: () => options.queue.hasSaidAway ?? false,
      waiting: () => this.waiting(),
      onRetry: () => this.#begin(),
    });
  }

  /** Why the queue takes nothing; undefined while it does. */
  get trouble(): string | undefined {
    return this.#outage.lasts ? this.#outage.reason : undefined;
  }

  /** Wake-ups that the queue should know of and does not. */
  async waiting(): Promise<number> {
    const { database, queue } = this.#options;
    return (await this.#outbox.waiting(database, queue.longestDelayMs)).waiting;
  }

  /** Hands all wake-ups to the queue. One drain at a time; a call during a drain makes it look again. */
  drain(): void {
    if (this.#left) this.#leaveToOthers();
    else if (!this.#outage.lasts) this.#begin(); // else it is tried again when its time comes
  }

  /** The queue has been told to stop: what comes from here on is handed over by others, unless it lives in Postgres. */
  leave(): void {
    this.#left = this.#options.queue.enqueueInTransaction === undefined;
    this.#outage.stop();
  }

  /** Resolves when no drain is under way, and forgets the timers. */
  async stop(): Promise<void> {
    this.#outage.stop();
    await this.#draining;
    clearTimeout(this.#near);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #leaveToOthers(): void {
    notifyEngines(this.#options.database, this.#outbox.message).catch(() => {}); // their next round looks for itself
  }

  #begin(): void {
    this.#again = true;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
    });
  }

  async #drain(): Promise<void> {
    while (this.#again && !this.#left) {
      this.#again = false;
      try {
        await this.#drainPages();
        await this.#expectNext();
      } catch (error) {
        await this.#failed(error);
      }
    }
  }

  async #drainPages(): Promise<void> {
    const isProbe = this.#outage.lasts;
    let limit = isProbe ? 1 : WAKEUPS_AT_ONCE; // one tells whether it is back, and keeps no other row locked
    for (;;) {
      const taken = await this.#drainPage(limit);
      // another engine holds the rows that wait, and has not been answered either
      if (isProbe && limit === 1 && taken === 0 && (await this.waiting()) > 0) return this.#outage.wait();
      this.#outage.took(taken, taken < limit);
      if (taken < limit) return;
      limit = WAKEUPS_AT_ONCE;
    }
  }

  async #drainPage(limit: number): Promise<number> {
    const { database, queue } = this.#options;
    const wakeups = await database.transaction(async (tx) => {
      const taken = await this.#outbox.take(tx, limit, queue.longestDelayMs);
      if (taken.length > 0) await this.#enqueue(tx, taken);
      return taken;
    });
    for (const wakeup of wakeups) this.#announce(wakeup);
    return wakeups.length;
  }

  async #enqueue(tx: Executor, wakeups: readonly Wakeup[]): Promise<void> {
    const { queue } = this.#options;
    const jobs = wakeups.map(jobOf);
    if (queue.enqueueInTransaction) return queue.enqueueInTransaction(tx, jobs);
    try {
      await withinTime(queue.enqueue(jobs));
    } catch (error) {
      const failure = asQueueError(error);
      if (!this.#outage.lasts) this.#sayNotTaken(wakeups, failure.message);
      throw failure;
    }
  }

  #sayNotTaken(wakeups: readonly Wakeup[], error: string): void {
    for (const { task_id, reason } of wakeups) {
      this.#options.emit('workflow.task_reenqueue_failed', { task_id, reason, error });
    }
  }

  /** The rows are still there: they are tried again after a pause, or by the next decision or round of recovery. */
  async #failed(error: unknown): Promise<void> {
    const { onAway, log } = this.#options;
    if (error instanceof TreadleError && error.code === 'queue_unavailable') {
      await this.#outage.failed(error);
      return;
    }
    if (isAway(error)) onAway(error);
    else log.warn({ err: error }, 'wake-ups could not be handed to the queue; trying again');
    if (this.#outage.lasts) this.#outage.wait();
  }

  /** Where the queue holds no long delays: comes back when the first of those that stay here is near. */
  async #expectNext(): Promise<void> {
    const { database, queue } = this.#options;
    if (queue.longestDelayMs === undefined) return;
    const { waiting, next_in_ms } = await this.#outbox.waiting(database, queue.longestDelayMs);
    clearTimeout(this.#near);
    if (waiting === 0 && next_in_ms === null) return;
    const nearInMs = waiting > 0 ? OTHERS_TURN_MS : Math.max((next_in_ms ?? 0) - queue.longestDelayMs, 0);
    this.#near = setTimeout(() => this.drain(), Math.min(Math.ceil(nearInMs) + 1, LONGEST_TIMER_MS));
    this.#near.unref();
  }

  #announce({ task_id, reason, delay_ms }: Wakeup): void {
    const { emit, onDue } = this.#options;
    if (delay_ms === 0) {
      emit('workflow.task_reenqueue_requested', { task_id, reason });
      return;
    }
    emit('workflow.task_reenqueue_delayed', { task_id, reason, delay_seconds: delay_ms / 1000 });
    if (delay_ms > SHORT_DELAY_MS) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      onDue(task_id);
    }, delay_ms);
    timer.unref();
    this.#timers.add(timer);
  }
}

/** What is due goes without an instant: by the clock of another machine it would still be ahead, and wait for a poll. */
function jobOf({ task_id, run_at: at, delay_ms, reason, priority, correlation_id }: Wakeup): TaskJob {
  const run_at = delay_ms === 0 ? undefined : at;
  return { task_id, run_at, reason, dedupe_key: dedupeKey(task_id), priority, correlation_id };
}

async function withinTime(work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    const message = `expected an answer of the queue within ${LONGEST_ENQUEUE_MS / 1000} s, came none`;
    timer = setTimeout(() => reject(new TreadleError('queue_unavailable', message)), LONGEST_ENQUEUE_MS);
  });
  await Promise.race([work, tooLate]).finally(() => clearTimeout(timer));
}
