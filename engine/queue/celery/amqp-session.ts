// One connection to RabbitMQ with a queue that exists, until something breaks: then it is thrown away and another is made.
// What is published is confirmed by the broker, which has written it down; what would reach no queue comes back and is an error.
import { connect, type ChannelModel, type ConfirmChannel, type Message, type Options } from 'amqplib';
import type { TlsContext } from '../tls.ts';
import type { CeleryMessage, PlacedMessage } from './message.ts';
import type { CeleryAmqpOptions } from './options.ts';
import { CONTENT_ENCODING, CONTENT_TYPE } from './protocol.ts';

/** Two missed ones, and the connection counts as broken. */
const HEARTBEAT_SECONDS = 10;
const NOT_FOUND = 404;

interface Manner {
  readonly tls: TlsContext | undefined;
  readonly withinMs: number;
}

export class AmqpSession {
  readonly #connection: ChannelModel;
  readonly #channel: ConfirmChannel;
  readonly #options: CeleryAmqpOptions;
  /** Ids of messages that no queue took. */
  readonly #returned = new Set<unknown>();
  #blocked: string | undefined;
  #broken: unknown;

  private constructor(connection: ChannelModel, channel: ConfirmChannel, options: CeleryAmqpOptions) {
    this.#connection = connection;
    this.#channel = channel;
    this.#options = options;
    for (const part of [connection, channel]) {
      part.on('error', (error: unknown) => this.#breaks(error));
      part.on('close', () => this.#breaks(new Error('the connection was closed')));
    }
    connection.on('blocked', (reason: string) => {
      this.#blocked = reason;
    });
    connection.on('unblocked', () => {
      this.#blocked = undefined;
    });
    channel.on('return', (message: Message) => this.#returned.add(message.properties.correlationId));
  }

  static async open(url: URL, options: CeleryAmqpOptions, { tls, withinMs }: Manner): Promise<AmqpSession> {
    const connection = await connect(addressOf(url), { ...tls, timeout: withinMs, noDelay: true });
    connection.on('error', () => {}); // who waits for an answer hears of it
    try {
      if (!(await exists(connection, options.queue))) await declare(connection, options);
      return new AmqpSession(connection, await connection.createConfirmChannel(), options);
    } catch (error) {
      connection.close().catch(() => {});
      throw error;
    }
  }

  /** Why it is of no use any more. */
  get broken(): unknown {
    return this.#broken;
  }

  /** Why the broker accepts nothing at the moment: an alarm of its memory or its disk. */
  get blocked(): string | undefined {
    return this.#blocked;
  }

  async publish(messages: readonly PlacedMessage[]): Promise<void> {
    const { queue } = this.#options;
    for (const { message, priority } of messages) {
      this.#channel.sendToQueue(queue, Buffer.from(message.body), propertiesOf(message, priority));
    }
    await this.#channel.waitForConfirms();
    if (!messages.some(({ message }) => this.#returned.has(message.headers.id))) return;
    this.#breaks(new Error(`queue ${queue} was deleted`));
    throw this.#broken;
  }

  async describe(): Promise<string> {
    const channel = await this.#connection.createChannel();
    channel.on('error', () => {}); // rejects the call below
    const { messageCount, consumerCount } = await channel.checkQueue(this.#options.queue);
    await channel.close();
    const workers = consumerCount === 0 ? 'and no worker' : `${consumerCount} workers`;
    return `${messageCount} jobs waiting, ${workers}`;
  }

  async close(): Promise<void> {
    await this.#connection.close().catch(() => {}); // it is closed already
  }

  #breaks(why: unknown): void {
    this.#broken ??= why;
  }
}

/** On a channel of its own: the broker closes the one that asks for a queue that is not there. */
async function exists(connection: ChannelModel, queue: string): Promise<boolean> {
  const channel = await connection.createChannel();
  channel.on('error', () => {}); // rejects the call below
  try {
    await channel.checkQueue(queue);
    await channel.close();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === NOT_FOUND) return false;
    throw error;
  }
}

/** As a Celery worker would, so that messages wait for the first one instead of vanishing. */
async function declare(connection: ChannelModel, options: CeleryAmqpOptions): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => {}); // rejects the call below
  const { queue, max_priority: maxPriority } = options;
  await channel.assertQueue(queue, { durable: true, ...(maxPriority === undefined ? {} : { maxPriority }) });
  await channel.close();
}

function addressOf(url: URL): Options.Connect {
  const login = url.username !== '' || url.password !== '';
  return {
    protocol: url.protocol.endsWith('amqps:') ? 'amqps' : 'amqp',
    hostname: url.hostname.replaceAll(/^\[|\]$/g, '') || 'localhost',
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    ...(login
      ? { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }
      : {}),
    vhost: url.pathname.slice(1) || '/', // amqplib decodes it
    heartbeat: HEARTBEAT_SECONDS,
  };
}

function propertiesOf({ headers }: CeleryMessage, priority: number): Options.Publish {
  return {
    mandatory: true,
    persistent: true,
    contentType: CONTENT_TYPE,
    contentEncoding: CONTENT_ENCODING,
    correlationId: headers.id,
    priority,
    headers,
  };
}
