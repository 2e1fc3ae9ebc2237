// A queue in this process that a test can break: what it is handed is noted, and delivered unless it is to be kept.
import { TreadleError } from '../../core/errors.ts';
import type { QueueAdapter, QueueHealth, RunTask, TaskJob } from '../../engine/queue/adapter.ts';
import { InMemoryQueue } from '../../engine/queue/in-memory.ts';

export interface HandedJob extends TaskJob {
  /** When it came, as Date.now(). */
  readonly at: number;
}

/** Durable as seen by the engine: it wakes nothing at its start. */
export class BreakableQueue implements QueueAdapter {
  readonly name = 'breakable';
  readonly durable = true;
  readonly longestDelayMs?: number;
  readonly handed: HandedJob[] = [];
  /** What it throws; undefined: it works. */
  broken: Error | undefined;
  /** How often it was asked to take jobs. */
  attempts = 0;
  readonly #inner = new InMemoryQueue();

  constructor({ longestDelayMs }: { readonly longestDelayMs?: number } = {}) {
    if (longestDelayMs !== undefined) this.longestDelayMs = longestDelayMs;
  }

  async install(): Promise<void> {}

  async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    this.attempts += 1;
    if (this.broken) throw this.broken;
    this.handed.push(...jobs.map((job) => ({ ...job, at: Date.now() })));
    await this.#inner.enqueue(jobs);
  }

  start(runTask: RunTask): Promise<void> {
    return this.#inner.start(runTask);
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }

  async health(): Promise<QueueHealth> {
    return this.broken ? { ok: false, message: this.broken.message } : this.#inner.health();
  }
}

export function away(): TreadleError {
  return new TreadleError('queue_unavailable', 'breakable: nobody listens at nowhere:1');
}
