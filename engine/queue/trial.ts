// One queue under test: hands it jobs as the engine would, runs consumers on it, and notes what is delivered. Waits are on
// deliveries, each with a deadline that says what was expected and what came. Every consumer is stopped at the end.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { TreadleError } from '../../core/errors.ts';
import { dedupeKey, type QueueAdapter, type RunTask, type TaskJob } from './adapter.ts';

export interface QueueConsumer {
  /** In good order: what is being delivered may end. */
  stop(): Promise<void>;
  /** As death would: what is being delivered is never answered. */
  kill(): Promise<void>;
}

export interface QueueUnderTest {
  /** Installed, with an empty queue of its own. */
  readonly adapter: QueueAdapter;
  /**
   * Begins to consume, in a process of its own where the queue is to be tested with kills; for foreign workers the real
   * worker process, against a server that calls runTask. Default: `adapter.start(runTask)`, whose kill is a stop that
   * waits for nothing.
   */
  readonly consume?: (runTask: RunTask) => Promise<QueueConsumer>;
  /** Stops the queue's server hard, and starts it again with its data. */
  readonly restartServer?: () => Promise<void>;
  /** Puts a message into that queue which is no job of ours. */
  readonly pushPoison?: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Longer than the first retry of any queue takes (Sidekiq: some 25 s, and its poller comes round every 15). */
const PATIENCE_MS = 90_000;
const BETWEEN_TRIES_MS = 100;

interface Patience {
  readonly times?: number;
  readonly whileTheyCome?: boolean;
}

export class Trial {
  readonly queue: QueueUnderTest;
  readonly #delivered: number[] = [];
  readonly #consumers = new Set<QueueConsumer>();
  #onDelivery: () => void = () => {};

  constructor(queue: QueueUnderTest) {
    this.queue = queue;
  }

  /** Task ids in the order of their deliveries. */
  get delivered(): readonly number[] {
    return this.#delivered;
  }

  times(taskId: number): number {
    return this.#delivered.filter((id) => id === taskId).length;
  }

  async enqueue(...jobs: readonly TaskJob[]): Promise<void> {
    await this.queue.adapter.enqueue(jobs);
    for (const { run_at } of jobs) {
      if (run_at) this.queue.adapter.jobDueIn?.(Math.max(run_at.getTime() - Date.now(), 0));
    }
  }

  /** As the engine does while the queue is away: again, until it takes them. */
  async enqueueWhenBack(...jobs: readonly TaskJob[]): Promise<void> {
    const giveUp = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.enqueue(...jobs);
      } catch (error) {
        const mayPass = error instanceof TreadleError && error.code.endsWith('_unavailable');
        if (!mayPass || Date.now() > giveUp) throw error;
        await pause(BETWEEN_TRIES_MS);
      }
    }
  }

  /** Deliveries are noted before `work` begins. */
  async consume(work: RunTask = async () => {}): Promise<QueueConsumer> {
    const consumer = await this.#begin(async (taskId) => {
      this.#delivered.push(taskId);
      this.#onDelivery();
      await work(taskId);
    });
    this.#consumers.add(consumer);
    return {
      stop: () => this.#end(consumer, 'stop'),
      kill: () => this.#end(consumer, 'kill'),
    };
  }

  /**
   * Resolves when each of these tasks has been delivered that often. `whileTheyCome`: the time begins anew with every delivery; for
   * so many that how long they take is up to the machine.
   */
  async untilDelivered(
    taskIds: readonly number[],
    { times = 1, whileTheyCome = false }: Patience = {},
  ): Promise<void> {
    const open = new Set(taskIds);
    let looked = 0;
    const counts = new Map<number, number>();
    await this.#until(whileTheyCome, () => {
      for (; looked < this.#delivered.length; looked += 1) {
        const id = this.#delivered[looked] ?? 0;
        const count = (counts.get(id) ?? 0) + 1;
        counts.set(id, count);
        if (count >= times) open.delete(id);
      }
      const some = [...open].slice(0, 5).join(', ');
      return open.size === 0 ? undefined : `${open.size} of ${taskIds.length} tasks (${some}) ${times} times`;
    });
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#consumers].map((consumer) => consumer.kill()));
    await this.queue.close();
  }

  #begin(runTask: RunTask): Promise<QueueConsumer> {
    const { consume, adapter } = this.queue;
    return consume ? consume(runTask) : inThisProcess(adapter, runTask);
  }

  async #end(consumer: QueueConsumer, how: 'stop' | 'kill'): Promise<void> {
    this.#consumers.delete(consumer);
    await consumer[how]();
  }

  /** `missing` says what is still to come. */
  async #until(whileTheyCome: boolean, missing: () => string | undefined): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#onDelivery = () => {
        if (missing() === undefined) resolve();
        else if (whileTheyCome) timer?.refresh();
      };
      timer = setTimeout(() => reject(this.#late(missing())), PATIENCE_MS);
      this.#onDelivery();
    }).finally(() => {
      clearTimeout(timer);
      this.#onDelivery = () => {};
    });
  }

  #late(missing: string | undefined): Error {
    const came = `${this.#delivered.length} deliveries, the last of ${this.#delivered.slice(-5).join(', ')}`;
    return new assert.AssertionError({
      message: `expected within ${PATIENCE_MS} ms still ${missing}, came ${came}`,
    });
  }
}

/** A job of this task; `inMs` from now, or at once. */
export function jobFor(
  taskId: number,
  { inMs, priority = 0 }: { inMs?: number; priority?: number } = {},
): TaskJob {
  return {
    task_id: taskId,
    run_at: inMs === undefined ? undefined : new Date(Date.now() + inMs),
    reason: 'created',
    dedupe_key: dedupeKey(taskId),
    priority,
    correlation_id: `treadle-${taskId}`,
  };
}

async function inThisProcess(adapter: QueueAdapter, runTask: RunTask): Promise<QueueConsumer> {
  await adapter.start(runTask);
  return {
    stop: () => adapter.stop(),
    kill: async () => void adapter.stop().catch(() => {}),
  };
}
