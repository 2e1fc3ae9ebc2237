// Celery's queue in Redis: one list for each priority, written on the left in one transaction and read on the right. kombu
// names the list of priority 0 like the queue, and appends the number to the others.
import type { Logger } from 'pino';
import { openRedis, redisUrl, type RedisLink } from '../redis.ts';
import { tlsFilesOf } from '../tls.ts';
import type { CeleryBroker } from './broker.ts';
import { redisEnvelope, type PlacedMessage } from './message.ts';
import type { CeleryRedisOptions } from './options.ts';

/** Between the name of a queue and the priority: what nobody has in a name. */
const SEPARATOR = '\x06\x16';
const DESCRIBE_MS = 900;

export class RedisBroker implements CeleryBroker {
  /** The lowest number goes first. */
  readonly levels: readonly number[];
  readonly #link: RedisLink;
  readonly #options: CeleryRedisOptions;

  constructor(url: URL, options: CeleryRedisOptions, log: Logger) {
    this.#link = openRedis(redisUrl(url), { log, tls: tlsFilesOf(url, options) });
    this.#options = options;
    this.levels = options.priority_steps;
  }

  get hasSaidAway(): boolean {
    return this.#link.isAway;
  }

  async open(): Promise<void> {
    await this.#link.use((client) => client.ping());
    this.#link.keep();
  }

  async publish(messages: readonly PlacedMessage[]): Promise<void> {
    const { queue } = this.#options;
    await this.#link.use(async (client) => {
      const transaction = client.multi();
      for (const level of new Set(messages.map(({ priority }) => priority))) {
        const placed = messages.filter(({ priority }) => priority === level);
        transaction.lpush(this.#list(level), ...placed.map((each) => redisEnvelope(each, queue)));
      }
      const answers = await transaction.exec();
      const failed = answers?.find(([error]) => error !== null);
      if (failed?.[0]) throw failed[0];
    });
  }

  async describe(): Promise<string> {
    const { queue } = this.#options;
    const waiting = await this.#link.use(async (client) => {
      const lengths = await Promise.all(this.levels.map((level) => client.llen(this.#list(level))));
      return lengths.reduce((sum, length) => sum + length, 0);
    }, DESCRIBE_MS);
    return `celery, queue ${queue} in Redis at ${this.#link.address}, ${waiting} jobs waiting`;
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  #list(priority: number): string {
    const { key_prefix: prefix, queue } = this.#options;
    return `${prefix}${queue}${priority === 0 ? '' : `${SEPARATOR}${priority}`}`;
  }
}
