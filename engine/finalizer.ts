// What follows when tasks were moved: the database has decided in the same transaction (complete, error, wait); here the
// decisions become events, and wake-ups become jobs of the queue. Delegates how a task comes back, decides only when.
import { TRANSITION_EVENTS, type Emit } from '../core/events.ts';
import type { Logger } from 'pino';
import type { Database } from '../sql/database.ts';
import type { Aftermath } from '../sql/steps.ts';
import { takeWakeups, type Wakeup } from '../sql/tasks.ts';
import { isAway } from './outage.ts';
import { LONGEST_ROUND_MS } from './periods.ts';
import { dedupeKey, type QueueAdapter } from './queue/adapter.ts';

const WAKEUPS_AT_ONCE = 500;

/**
 * Below this a timer of our own is armed beside the job: queues look for delayed jobs only every second or so. What is due
 * later is seen in time by a round of recovery.
 */
const SHORT_DELAY_MS = LONGEST_ROUND_MS + 1000;

export interface FinalizerOptions {
  readonly database: Database;
  readonly queue: QueueAdapter;
  readonly emit: Emit;
  readonly log: Logger;
  /** Some steps became ready for these handlers. */
  readonly onReady: (handlers: Aftermath['ready_handlers']) => void;
  /** A statement failed because Postgres is away. */
  readonly onAway: (error: unknown) => void;
  /** A task whose short wait is over. */
  readonly onDue: (taskId: number) => void;
}

export class Finalizer {
  readonly #options: FinalizerOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #draining: Promise<void> | undefined;
  #again = false;

  constructor(options: FinalizerOptions) {
    this.#options = options;
  }

  settle(aftermath: Aftermath): void {
    if (aftermath.ready_handlers.length > 0) this.#options.onReady(aftermath.ready_handlers);
    for (const { task_id, event, from_state = 'in_progress', to_state } of aftermath.finalized) {
      this.#options.emit(TRANSITION_EVENTS.task[event], { task_id, from_state, to_state });
    }
    if (aftermath.wakeups > 0 || aftermath.finalized.some((decision) => decision.event === 'wait')) {
      this.drainWakeups();
    }
  }

  /** Hands all wake-ups to the queue. One drain at a time; a call during a drain makes it look again. */
  drainWakeups(): void {
    this.#again = true;
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
    });
  }

  /** Resolves when no drain is under way, and forgets the timers. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      try {
        let taken = WAKEUPS_AT_ONCE;
        while (taken === WAKEUPS_AT_ONCE) {
          taken = await this.#drainPage();
        }
      } catch (error) {
        // The rows are still there: the next decision, or the next round of recovery, tries again.
        if (isAway(error)) this.#options.onAway(error);
        else
          this.#options.log.warn({ err: error }, 'wake-ups could not be handed to the queue; trying again');
      }
    }
  }

  async #drainPage(): Promise<number> {
    const { database, queue } = this.#options;
    const wakeups = await database.transaction(async (tx) => {
      const taken = await takeWakeups(tx, WAKEUPS_AT_ONCE);
      const jobs = taken.map(({ task_id, run_at, reason }) => ({
        task_id,
        run_at,
        reason,
        dedupe_key: dedupeKey(task_id),
        priority: 0,
        correlation_id: `treadle-${task_id}`,
      }));
      if (jobs.length > 0) {
        await (queue.enqueueInTransaction ? queue.enqueueInTransaction(tx, jobs) : queue.enqueue(jobs));
      }
      return taken;
    });
    for (const wakeup of wakeups) this.#announce(wakeup);
    return wakeups.length;
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
