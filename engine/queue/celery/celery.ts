// The queue of teams that run Celery: jobs are messages of its protocol 2, and its workers call RunTask of an engine by the
// task `treadle.run_task` of the Python package. Nothing is consumed here. Celery recognises no doubled job, and nobody minds.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { TreadleError } from '../../../core/errors.ts';
import type { QueueAdapter, QueueHealth, TaskJob } from '../adapter.ts';
import type { CeleryBroker } from './broker.ts';
import { levelOf } from './levels.ts';
import { celeryMessage } from './message.ts';
import { amqpOptionsOf, redisOptionsOf } from './options.ts';

export interface CeleryQueueOptions {
  readonly broker: CeleryBroker;
  /** Less than the broker lets a worker keep a message: see docs/celery.md. */
  readonly longestDelayMs: number;
}

export class CeleryQueue implements QueueAdapter {
  readonly name = 'celery';
  readonly durable = true;
  readonly longestDelayMs: number;
  readonly #broker: CeleryBroker;

  constructor({ broker, longestDelayMs }: CeleryQueueOptions) {
    this.#broker = broker;
    this.longestDelayMs = longestDelayMs;
  }

  get hasSaidAway(): boolean {
    return this.#broker.hasSaidAway ?? false;
  }

  async install(): Promise<void> {
    await this.#broker.open();
  }

  async enqueue(jobs: readonly TaskJob[]): Promise<void> {
    if (jobs.length === 0) return;
    const { levels } = this.#broker;
    const placed = jobs.map((job) => ({
      message: celeryMessage(job, randomUUID()),
      priority: levelOf(job.priority, levels),
    }));
    await this.#broker.publish(placed);
  }

  /** Celery's workers deliver. */
  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#broker.close();
  }

  async health(): Promise<QueueHealth> {
    try {
      return { ok: true, message: await this.#broker.describe() };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  }
}

/**
 * `celery+redis://host:6379/0` or `celery+amqp://user:password@host:5672/vhost`, with TLS `celery+rediss`, `celery+amqps`.
 * Only the library of the broker that is asked for is loaded: both are optional.
 * @throws TreadleError `invalid_config`
 */
export async function celeryQueueOf(url: URL, { log }: { log: Logger }): Promise<CeleryQueue> {
  if (/^celery\+rediss?:$/.test(url.protocol)) {
    const options = redisOptionsOf(url);
    const { RedisBroker } = await import('./redis-broker.ts');
    const broker = new RedisBroker(url, options, log);
    return new CeleryQueue({ broker, longestDelayMs: options.longest_delay * 1000 });
  }
  if (/^celery\+amqps?:$/.test(url.protocol)) {
    const options = amqpOptionsOf(url);
    const { AmqpBroker } = await import('./amqp-broker.ts');
    const broker = new AmqpBroker(url, options);
    return new CeleryQueue({ broker, longestDelayMs: options.longest_delay * 1000 });
  }
  throw new TreadleError(
    'invalid_config',
    `expected a queue celery+redis://, celery+rediss://, celery+amqp:// or celery+amqps://, came ${url.protocol}//`,
  );
}
