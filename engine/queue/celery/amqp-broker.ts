// Celery's queue in RabbitMQ. Connects when there is something to publish; after anything that went wrong the next call
// connects anew, so that an outage of the broker ends with the first call after it.
import { readTls, tlsFilesOf, type TlsContext } from '../tls.ts';
import { unreachable } from '../unreachable.ts';
import { AmqpSession } from './amqp-session.ts';
import type { CeleryBroker } from './broker.ts';
import type { PlacedMessage } from './message.ts';
import type { CeleryAmqpOptions } from './options.ts';

const PUBLISH_MS = 2900;
const DESCRIBE_MS = 900;

/** So many are confirmed within the time even by a broker that syncs each of them to a slow disk. */
const AT_ONCE = 500;

/** The scale for queues whose x-max-priority we were not told: the most that Celery's documentation recommends. */
const USUAL_MAX_PRIORITY = 9;

export class AmqpBroker implements CeleryBroker {
  /** The highest number goes first. A queue without x-max-priority takes them and knows no order. */
  readonly levels: readonly number[];
  readonly #url: URL;
  readonly #options: CeleryAmqpOptions;
  readonly #tls: TlsContext | undefined;
  #session: Promise<AmqpSession> | undefined;

  constructor(url: URL, options: CeleryAmqpOptions) {
    this.#url = url;
    this.#options = options;
    this.#tls = readTls(tlsFilesOf(url, options));
    const highest = options.max_priority ?? USUAL_MAX_PRIORITY;
    this.levels = Array.from({ length: highest + 1 }, (_, n) => highest - n);
  }

  async open(): Promise<void> {
    await this.#with(PUBLISH_MS, async () => {});
  }

  async publish(messages: readonly PlacedMessage[]): Promise<void> {
    for (let at = 0; at < messages.length; at += AT_ONCE) {
      await this.#with(PUBLISH_MS, (session) => session.publish(messages.slice(at, at + AT_ONCE)));
    }
  }

  async describe(): Promise<string> {
    const state = await this.#with(DESCRIBE_MS, async (session) => {
      if (session.blocked !== undefined) throw new Error(`it takes no messages: ${session.blocked}`);
      return session.describe();
    });
    return `celery, queue ${this.#options.queue} in RabbitMQ at ${this.#address()}, ${state}`;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await (await session?.catch(() => undefined))?.close();
  }

  /** After an error, and when there is no answer in time, the session counts as broken. */
  async #with<Result>(ms: number, act: (session: AmqpSession) => Promise<Result>): Promise<Result> {
    let used: Promise<AmqpSession> | undefined;
    try {
      return await within(ms, async () => {
        used = this.#current(ms);
        let session = await used;
        if (session.broken !== undefined) {
          this.#drop(used);
          used = this.#current(ms);
          session = await used;
        }
        return act(session);
      });
    } catch (error) {
      if (used) this.#drop(used);
      throw unreachable(`RabbitMQ at ${this.#address()}`, error);
    }
  }

  #current(ms: number): Promise<AmqpSession> {
    this.#session ??= AmqpSession.open(this.#url, this.#options, { tls: this.#tls, withinMs: ms });
    return this.#session;
  }

  #drop(broken: Promise<AmqpSession>): void {
    if (this.#session === broken) this.#session = undefined;
    void broken.then((session) => session.close()).catch(() => {}); // it was never opened
  }

  /** Without user and password. */
  #address(): string {
    const { protocol, host, pathname } = this.#url;
    return `${protocol.replace('celery+', '')}//${host}${pathname}`;
  }
}

async function within<Result>(ms: number, work: () => Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work(), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
