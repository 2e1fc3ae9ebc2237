// The queue without a server: timers of this process. For tests, the demo of a single process, and `treadle dev` where a
// lost wake-up is found again at the next start (durable: false).
import type { QueueAdapter, QueueHealth, RunTask, TaskJob } from './adapter.ts';

/** The longest delay of a Node timer; longer waits are armed again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class InMemoryQueue implements QueueAdapter {
  readonly name = 'in-memory';
  readonly durable = false;
  readonly #jobs = new Map<string, { job: TaskJob; timer: NodeJS.Timeout }>();
  #runTask: RunTask | undefined;
  #waiting: TaskJob[] = [];

  async install(): Promise<void> {}

  async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    for (const job of jobs) {
      if (this.#runTask) this.#arm(job);
      else this.#waiting.push(job);
    }
  }

  async start(runTask: RunTask): Promise<void> {
    this.#runTask = runTask;
    const waiting = this.#waiting;
    this.#waiting = [];
    await this.enqueue(waiting);
  }

  async stop(): Promise<void> {
    this.#runTask = undefined;
    for (const { timer } of this.#jobs.values()) clearTimeout(timer);
    this.#jobs.clear();
  }

  async health(): Promise<QueueHealth> {
    return { ok: true, message: `in memory of this process, ${this.#jobs.size} jobs waiting` };
  }

  #arm(job: TaskJob): void {
    const earlier = this.#jobs.get(job.dedupe_key);
    if (earlier) clearTimeout(earlier.timer);
    const delay = job.run_at ? Math.max(job.run_at.getTime() - Date.now(), 0) : 0;
    const timer = setTimeout(
      () => (delay > LONGEST_TIMER_MS ? this.#arm(job) : void this.#deliver(job)),
      Math.min(delay, LONGEST_TIMER_MS),
    );
    timer.unref(); // a waiting job must not keep a finished process alive
    this.#jobs.set(job.dedupe_key, { job, timer });
  }

  async #deliver(job: TaskJob): Promise<void> {
    this.#jobs.delete(job.dedupe_key);
    try {
      await this.#runTask?.(job.task_id);
    } catch {
      // The engine has logged why; a queue tries again, and a second is long enough for a database to come back.
      if (this.#runTask) this.#arm({ ...job, run_at: new Date(Date.now() + 1000) });
    }
  }
}
