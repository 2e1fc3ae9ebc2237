// The worker of BullMQ that delivers our jobs, with a connection of its own: it waits for a Redis that is away, takes over
// within seconds what a killed worker had, and ends in bounded time also when nobody answers.
import { setTimeout as pause } from 'node:timers/promises';
import { ErrorCode, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RunTask } from '../adapter.ts';
import type { RedisLink } from '../redis.ts';
import { retryDelay, taskIdOf } from './jobs.ts';

/** A worker that is killed is noticed when its locks have ended: lock and two looks, 3 to 6 seconds. */
const LOCK_MS = 3000;
const LOOK_FOR_STALLED_MS = 1500;
/** A job whose workers die so often is given up; the engine hands it over again when it is overdue. */
const MOST_DEATHS = 20;
/** Between two tries of the worker itself while Redis does not answer. Its default is 15 s. */
const RETRY_MS = 500;
/** Jobs that are no jobs of ours, for people to look at. */
const KEPT_FAILURES = { age: 7 * 24 * 3600, count: 1000 };
const LONGEST_GOODBYE_MS = 4000;
const GOODBYE_TO_NOBODY_MS = 500;
/** The same error is not worth a second line before that. */
const SILENCE_MS = 60_000;

const ENDED_ALREADY: ReadonlySet<number> = new Set([
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobNotInState,
  ErrorCode.JobLockMismatch,
]);

export interface DeliveryOptions {
  readonly queue: string;
  readonly prefix: string;
  readonly concurrency: number;
  readonly link: RedisLink;
  readonly log: Logger;
}

export class Deliveries {
  readonly #log: Logger;
  readonly #queue: string;
  readonly #link: RedisLink;
  readonly #client: Redis;
  readonly #worker: Worker;
  readonly #saidAt = new Map<string, number>();

  constructor({ queue, prefix, concurrency, link, log }: DeliveryOptions, runTask: RunTask) {
    this.#log = log;
    this.#queue = queue;
    this.#link = link;
    this.#client = link.blockingClient();
    this.#worker = new Worker(queue, ({ name, data }: Job) => runTask(taskIdOf(name, data)), {
      connection: this.#client,
      prefix,
      concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: LOOK_FOR_STALLED_MS,
      maxStalledCount: MOST_DEATHS,
      runRetryDelay: RETRY_MS,
      removeOnFail: KEPT_FAILURES,
      settings: { backoffStrategy: retryDelay },
    });
    this.#worker.on('failed', (job, error) => this.#failed(job, error));
    this.#worker.on('error', (error) => this.#complain(error));
  }

  /** Takes no job any more. What is being delivered may end, as long as Redis listens. */
  async stop(): Promise<void> {
    const longest = this.#link.isAway ? GOODBYE_TO_NOBODY_MS : LONGEST_GOODBYE_MS;
    const enough = new AbortController();
    const tooLong = pause(longest, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([this.#worker.close().catch(() => {}), tooLong]);
    enough.abort();
    this.#client.disconnect();
  }

  #failed(job: Job | undefined, error: Error): void {
    if (error.name !== 'UnrecoverableError') {
      this.#log.debug({ err: error, job_id: job?.id }, 'a delivery failed; BullMQ tries again');
      return;
    }
    this.#log.error(
      { job_id: job?.id },
      `a job of the BullMQ queue ${this.#queue} was put aside as failed: ${error.message}`,
    );
  }

  /** BullMQ goes on by itself. That Redis is away is said by the connection. */
  #complain(error: Error): void {
    if (this.#link.isAway || isHarmless(error)) return;
    const now = performance.now();
    const saidAt = this.#saidAt.get(error.message) ?? -SILENCE_MS;
    if (now - saidAt < SILENCE_MS) return;
    if (this.#saidAt.size > 100) this.#saidAt.clear();
    this.#saidAt.set(error.message, now);
    this.#log.warn(
      { err: error },
      `the BullMQ queue ${this.#queue} goes on after an error: ${error.message}`,
    );
  }
}

/** A connection that broke; and a job that was ended twice, because the first answer was lost or its lock had run out. */
function isHarmless(error: Error): boolean {
  const code = 'code' in error ? error.code : undefined;
  return 'syscall' in error || (typeof code === 'number' && ENDED_ALREADY.has(code));
}
