// One connection to a Redis, as the adapters use it: opened when it is needed, kept while the queue is at work, opened again
// by itself. Whatever goes wrong with it is `queue_unavailable`, at once or within three seconds, and is said once in the log.
import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { TreadleError } from '../../core/errors.ts';
import { readTls, type QueueTlsFiles, type TlsContext } from './tls.ts';
import { reasonOf, unreachable } from './unreachable.ts';

/** Between two tries to connect: a server that restarts is back in a second or less. */
const LONGEST_RETRY_MS = 500;
const CONNECT_MS = 2500;
const COMMAND_MS = 2500;
const KEEP_ALIVE_MS = 10_000;

const CLOSED = 'the connection was closed';

export interface RedisLinkOptions {
  readonly log: Logger;
  /** For rediss://. */
  readonly tls?: QueueTlsFiles | undefined;
}

/**
 * Opens nothing yet. `url`: redis:// or rediss://, see `redisUrl`.
 * @throws TreadleError `invalid_config` for files of TLS that are none
 */
export function openRedis(url: string, { log, tls }: RedisLinkOptions): RedisLink {
  return new RedisLink(url, log, readTls(tls));
}

/** The address that Redis knows, of a URL that also says which queue speaks it: no options, another scheme. */
export function redisUrl(url: URL): string {
  const tls = url.protocol.includes('rediss') || url.protocol.includes('sidekiqs');
  const plain = new URL(url.href.replace(/^[^:]+:/, 'http:')); // the setters of URL refuse schemes of their own kind
  const login = plain.username || plain.password ? `${plain.username}:${plain.password}@` : '';
  const database = /^\/(\d*)$/.exec(plain.pathname)?.[1];
  if (database === undefined) {
    throw new TreadleError(
      'invalid_config',
      `the path of ${redacted(url)} must be the number of a Redis database, such as /0`,
    );
  }
  return `${tls ? 'rediss' : 'redis'}://${login}${plain.hostname}:${plain.port || '6379'}/${database || '0'}`;
}

/** For people: without the password, and without options. */
function redacted(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

export class RedisLink {
  /** Where it is, for people: without user and password. */
  readonly address: string;
  /** For commands inside of `use`, and for libraries that hold it. Outside of `use` it may not be connected. */
  readonly client: Redis;
  readonly #url: string;
  readonly #log: Logger;
  readonly #tls: TlsContext | undefined;
  #kept = false;
  #users = 0;
  #awaySince: number | undefined;
  #lastError: unknown;
  /** ioredis still calls itself ready while it says goodbye, */
  #leaving: Promise<unknown> | undefined;
  /** and reconnecting for ever when it was told to stop that. */
  #parked = false;

  constructor(url: string, log: Logger, tls: TlsContext | undefined) {
    this.#url = url;
    this.#log = log;
    this.#tls = tls;
    this.address = redacted(new URL(url));
    this.client = new Redis(url, {
      ...this.#options(() => this.#kept || this.#users > 0),
      // What cannot be sent now fails now: the outbox keeps the jobs, and this memory must not.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_MS,
    });
    this.watch(this.client);
  }

  /**
   * Runs commands, connected. It waits for a connection that is being made, and never for a server that is away.
   * @throws TreadleError `queue_unavailable`
   */
  async use<Result>(act: (client: Redis) => Promise<Result>, withinMs = CONNECT_MS): Promise<Result> {
    this.#users += 1;
    try {
      await this.#connected(withinMs);
      return await act(this.client);
    } catch (error) {
      throw this.#unavailable(error);
    } finally {
      this.#users -= 1;
      this.#letGo();
    }
  }

  /** From now on it stays connected, and connects again by itself, until `close`. */
  keep(): void {
    this.#kept = true;
  }

  /** Whether it was kept and broke, and has not come back. */
  get isAway(): boolean {
    return this.#awaySince !== undefined;
  }

  /** A use that comes later opens it for as long as it lasts. */
  close(): void {
    this.#kept = false;
    this.#letGo();
  }

  /**
   * A further client of the same Redis, for commands that block: they wait for a server that is away, as long as the link
   * is kept. The caller ends it; copies of it end by themselves.
   */
  blockingClient(): Redis {
    const client = new Redis(this.#url, { ...this.#options(() => this.#kept), maxRetriesPerRequest: null });
    return this.watch(client);
  }

  /** Says in the log when the server goes away and when it is back, once for all clients that are watched. */
  watch(client: Redis): Redis {
    client.on('error', (error) => {
      this.#lastError = error;
    });
    client.on('close', () => {
      if (client !== this.client || !this.#leaving) this.#broke();
    });
    client.on('ready', () => this.#isBack());
    return client;
  }

  /** One line on what is wrong, or undefined when it answers within a second. */
  async trouble(): Promise<string | undefined> {
    try {
      await within(
        900,
        this.use((client) => client.ping(), 900),
      );
      return undefined;
    } catch (error) {
      return reasonOf(this.#unavailable(error));
    }
  }

  #options(wanted: () => boolean) {
    return {
      lazyConnect: true,
      ...(this.#tls && { tls: this.#tls }),
      connectTimeout: CONNECT_MS,
      keepAlive: KEEP_ALIVE_MS,
      retryStrategy: (times: number) =>
        wanted() ? Math.min(25 * 2 ** Math.min(times, 10), LONGEST_RETRY_MS) : null,
    } satisfies RedisOptions;
  }

  async #connected(withinMs: number): Promise<void> {
    const { client } = this;
    await this.#leaving;
    if (client.status === 'ready') return;
    if (client.status === 'reconnecting' && !this.#parked) throw this.#lastError ?? new Error(CLOSED);
    if (['wait', 'end', 'reconnecting'].includes(client.status)) void client.connect().catch(() => {}); // it says `close`
    this.#parked = false;
    const ended = new AbortController();
    const { signal } = ended;
    const closed = once(client, 'close', { signal }).then(() => {
      throw this.#lastError ?? new Error(CLOSED);
    });
    try {
      await within(withinMs, Promise.race([once(client, 'ready', { signal }), closed]));
    } finally {
      ended.abort();
      closed.catch(() => {});
    }
  }

  #letGo(): void {
    const { client } = this;
    if (this.#kept || this.#users > 0 || this.#leaving) return;
    if (client.status === 'wait' || client.status === 'end') return;
    this.#parked = client.status === 'reconnecting';
    if (!this.#parked) {
      this.#leaving = once(client, 'end').finally(() => {
        this.#leaving = undefined;
      });
    }
    client.disconnect();
  }

  #broke(): void {
    if (this.isAway || !this.#kept) return;
    this.#awaySince = performance.now();
    this.#log.warn(
      `Redis at ${this.address} is away (${reasonOf(this.#lastError ?? CLOSED)}); tasks wait in Postgres until it is back`,
    );
  }

  #isBack(): void {
    this.#lastError = undefined;
    if (this.#awaySince === undefined) return;
    const seconds = ((performance.now() - this.#awaySince) / 1000).toFixed(1);
    this.#awaySince = undefined;
    this.#log.warn(`Redis at ${this.address} is back after ${seconds} s`);
  }

  #unavailable(error: unknown): unknown {
    if (error instanceof TreadleError || error instanceof TypeError || error instanceof RangeError)
      return error;
    return unreachable(`Redis at ${this.address}`, error);
  }
}

async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
