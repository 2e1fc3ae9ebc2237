// Tasks come back through a queue of BullMQ on a Redis that the team runs: delayed jobs, priorities, one waiting job a task.
// Jobs are added in bulk from the outbox in Postgres, and taken by a worker in this process; other engines share the queue.
import { Queue } from 'bullmq';
import type { Logger } from 'pino';
import { z } from 'zod';
import { TreadleError } from '../../core/errors.ts';
import type { QueueAdapter, QueueHealth, RunTask, TaskJob } from './adapter.ts';
import { Deliveries } from './bullmq/deliveries.ts';
import { bullMqJob } from './bullmq/jobs.ts';
import { openRedis, redisUrl, type RedisLink } from './redis.ts';
import { tlsFilesOf, tlsShape, type QueueTlsFiles } from './tls.ts';

const CONCURRENCY = 100;
/** Jobs in one round trip: some 50 ms of Redis. */
const JOBS_AT_ONCE = 500;

export interface BullMqOptions {
  /** redis:// or rediss://, with user, password and number of the database. */
  readonly url: string;
  readonly log: Logger;
  /** For rediss://: paths of files in PEM. */
  readonly tls?: QueueTlsFiles | undefined;
  /** The name of the queue, without a colon. Default `treadle`. */
  readonly queue?: string | undefined;
  /** What all keys of BullMQ begin with. Default `bull`, as BullMQ has it. */
  readonly prefix?: string | undefined;
  /** How many tasks may be starting at once. A start waits for one statement, not for the steps. Default 100. */
  readonly concurrency?: number | undefined;
}

export class BullMqQueue implements QueueAdapter {
  readonly name = 'bullmq';
  readonly durable = true;
  readonly #options: BullMqOptions & { readonly queue: string; readonly prefix: string };
  readonly #link: RedisLink;
  #queue: Queue | undefined;
  #deliveries: Deliveries | undefined;

  constructor(options: BullMqOptions) {
    const { queue = 'treadle', prefix = 'bull' } = options;
    this.#options = { ...options, queue, prefix };
    this.#link = openRedis(options.url, options);
  }

  get hasSaidAway(): boolean {
    return this.#link.isAway;
  }

  async install(): Promise<void> {
    await this.#use(async () => {});
  }

  async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += JOBS_AT_ONCE) {
      const page = jobs.slice(from, from + JOBS_AT_ONCE);
      await this.#use((queue) => queue.addBulk(page.map((job) => bullMqJob(job, Date.now()))));
    }
  }

  async start(runTask: RunTask): Promise<void> {
    this.#link.keep();
    const { queue, prefix, concurrency = CONCURRENCY, log } = this.#options;
    this.#deliveries = new Deliveries({ queue, prefix, concurrency, log, link: this.#link }, runTask);
  }

  async stop(): Promise<void> {
    const deliveries = this.#deliveries;
    this.#deliveries = undefined;
    await deliveries?.stop();
    this.#link.close();
  }

  async health(): Promise<QueueHealth> {
    const trouble = await this.#link.trouble();
    if (trouble !== undefined) return { ok: false, message: `bullmq: ${trouble}` };
    try {
      return await this.#counts();
    } catch (error) {
      return { ok: false, message: `bullmq: ${error instanceof Error ? error.message : String(error)}` }; // it went in this moment
    }
  }

  async #counts(): Promise<QueueHealth> {
    const counts = await this.#use((queue) =>
      queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'failed'),
    );
    const count = (state: string): number => counts[state] ?? 0;
    const place = `queue ${this.#options.queue} at ${this.#link.address}`;
    const waiting = count('waiting') + count('prioritized');
    return {
      ok: true,
      message: `bullmq, ${place}: ${waiting} jobs waiting, ${count('delayed')} delayed, ${count('active')} being delivered, ${count('failed')} put aside`,
    };
  }

  /** BullMQ asks its server for the version when it begins, and never again when that fails: so it begins on a connection. */
  async #use<Result>(act: (queue: Queue) => Promise<Result>): Promise<Result> {
    return this.#link.use(async (connection) => {
      const { queue: name, prefix } = this.#options;
      if (!this.#queue) {
        const queue = new Queue(name, { connection, prefix, skipMetasUpdate: true });
        queue.on('error', () => {}); // of the connection, which says it itself
        await queue.waitUntilReady();
        this.#queue = queue;
      }
      return act(this.#queue);
    });
  }
}

const optionsSchema = z.strictObject({
  queue: z
    .string()
    .regex(/^[^:]+$/, 'expected a name without a colon')
    .optional(),
  prefix: z.string().min(1).optional(),
  concurrency: z.coerce.number().int().min(1).max(1000).optional(),
  ...tlsShape,
});

/**
 * Of `redis+bullmq://user:password@host:6379/0?queue=treadle&prefix=bull&concurrency=100`, or rediss+bullmq for TLS.
 * @throws TreadleError `invalid_config`
 */
export function bullMqQueueOf(url: URL, { log }: { readonly log: Logger }): BullMqQueue {
  const read = optionsSchema.safeParse(Object.fromEntries(url.searchParams));
  if (!read.success) {
    const [issue] = read.error.issues;
    const where = issue && issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    throw new TreadleError(
      'invalid_config',
      `queue ${url.protocol}//${url.host}: ${where}${issue?.message ?? 'invalid options'}; it knows ${Object.keys(optionsSchema.shape).join(', ')}`,
    );
  }
  const { queue, prefix, concurrency, ...tls } = read.data;
  return new BullMqQueue({ url: redisUrl(url), log, queue, prefix, concurrency, tls: tlsFilesOf(url, tls) });
}
