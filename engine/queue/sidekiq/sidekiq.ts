// Sidekiq as the queue: jobs are pushed into its Redis in its own format, its Ruby processes run them and call RunTask over
// gRPC. So nothing is consumed here, and how late a delayed job may be is up to their poller.
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { QueueAdapter, QueueHealth, TaskJob } from '../adapter.ts';
import { openRedis, redisUrl, type RedisLink } from '../redis.ts';
import type { QueueTlsFiles } from '../tls.ts';
import { sidekiqMessage, type SidekiqFormat, type SidekiqMode } from './message.ts';
import { sidekiqUrlOptions } from './options.ts';
import { pushToSidekiq, type Push } from './push.ts';
import { queueFor, type PriorityQueue } from './queues.ts';

export interface SidekiqQueueOptions {
  /** redis:// or rediss://, the one that Sidekiq uses. */
  readonly redis: string;
  readonly log: Logger;
  /** For rediss://: paths of files in PEM. */
  readonly tls?: QueueTlsFiles;
  /** Default: `default`. */
  readonly queue?: string;
  /** The major version of Sidekiq whose format is written. 7, the default, is also understood by 6 and 8. */
  readonly format?: SidekiqFormat;
  /** Which Ruby class runs the job. Default: `treadle`. */
  readonly mode?: SidekiqMode;
  /** Queues of their own for jobs from a priority on; Sidekiq must look at them in that order. Default: none. */
  readonly priorityQueues?: readonly PriorityQueue[];
}

/** One script holds up Redis for a few milliseconds at most. */
const JOBS_AT_ONCE = 1000;

export class SidekiqQueue implements QueueAdapter {
  readonly name = 'sidekiq';
  readonly durable = true;
  readonly #options: Required<Omit<SidekiqQueueOptions, 'log' | 'redis' | 'tls'>>;
  readonly #redis: RedisLink;

  constructor({ redis, log, tls, ...options }: SidekiqQueueOptions) {
    this.#options = { queue: 'default', format: 7, mode: 'treadle', priorityQueues: [], ...options };
    this.#redis = openRedis(redis, { log, tls });
  }

  get hasSaidAway(): boolean {
    return this.#redis.isAway;
  }

  async install(): Promise<void> {
    await this.#redis.use((redis) => redis.ping());
  }

  async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    if (jobs.length === 0) return;
    await this.#redis.use(async (redis) => {
      for (let at = 0; at < jobs.length; at += JOBS_AT_ONCE) {
        await this.#push(redis, jobs.slice(at, at + JOBS_AT_ONCE));
      }
    });
  }

  /** Sidekiq's own processes deliver. */
  async start(): Promise<void> {
    this.#redis.keep();
  }

  async stop(): Promise<void> {
    this.#redis.close();
  }

  async health(): Promise<QueueHealth> {
    const trouble = await this.#redis.trouble();
    if (trouble !== undefined) return { ok: false, message: trouble };
    try {
      return { ok: true, message: await this.#redis.use((redis) => this.#state(redis)) };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) }; // it went in this moment
    }
  }

  async #push(redis: Redis, jobs: readonly TaskJob[]): Promise<void> {
    const now = Date.now();
    const pushes = jobs.map((job) => this.#pushOf(job, now));
    const keysAreDeleted = this.#options.mode !== 'tasker'; // only our gem does that
    await pushToSidekiq(redis, pushes, { keysAreDeleted, now });
  }

  #pushOf({ task_id, run_at, reason, dedupe_key, priority, correlation_id }: TaskJob, now: number): Push {
    const { format, mode, queue: usual, priorityQueues } = this.#options;
    const queue = queueFor(priority, usual, priorityQueues);
    const later = run_at !== undefined && run_at.getTime() > now ? run_at : undefined;
    const pending_key = `treadle:pending:${usual}:${dedupe_key}`;
    const facts = { correlation_id, reason, pending_key };
    const message = sidekiqMessage({ format, mode, queue, task_id, facts, run_at: later, now });
    return { queue, message, due: later?.getTime(), pending_key };
  }

  async #state(redis: Redis): Promise<string> {
    const { queue, priorityQueues } = this.#options;
    const queues = [...new Set([queue, ...priorityQueues.map((each) => each.queue)])];
    const waiting = await Promise.all(queues.map((each) => redis.llen(`queue:${each}`)));
    const counts = queues.map((each, n) => `${waiting[n]} jobs in queue ${each}`).join(', ');
    const scheduled = await redis.zcard('schedule');
    const processes = await alive(redis);
    const who = processes === 0 ? 'no Sidekiq process runs' : `${processes} Sidekiq processes`;
    return `Sidekiq in Redis at ${this.#redis.address}, ${counts}, ${scheduled} delayed, ${who}`;
  }
}

/** Each process writes its own key again and again; who was killed stays on the list until another process looks. */
async function alive(redis: Redis): Promise<number> {
  const known = await redis.smembers('processes');
  return known.length === 0 ? 0 : redis.exists(...known);
}

/**
 * @throws TreadleError `invalid_config`
 * @example sidekiqQueueOf(new URL('sidekiq://localhost:6379/0?queue=workflows&format=8'), { log })
 */
export function sidekiqQueueOf(url: URL, { log }: { readonly log: Logger }): SidekiqQueue {
  return new SidekiqQueue({ redis: redisUrl(url), log, ...sidekiqUrlOptions(url) });
}
