// Listens on the channel `treadle`: others created tasks (wakeups), wrote states (changed), made
// steps ready (ready) or took running ones away (revoked).
// A notification only saves waiting: after a reconnect, and once in each round of recovery, everything is looked at anyway.
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Database } from '../sql/database.ts';
import { listen } from '../sql/listen.ts';

const RECONNECT_MS = 1000;

export interface ListenerOptions {
  readonly database: Database;
  readonly log: Logger;
  readonly onMessage: (message: string) => void;
  /** The connection is (again) there: something may have been missed. */
  readonly onConnected: () => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {}); // it may be broken already
  }

  async #connect(): Promise<void> {
    const client = this.#options.database.dedicatedClient('treadle listener');
    client.on('error', (error) => this.#lost(client, error));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload }) => this.#options.onMessage(payload ?? ''));
    try {
      await client.connect();
      await listen(client);
      this.#client = client;
      this.#options.onConnected();
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #lost(client: pg.Client, error?: unknown): void {
    if (this.#stopped || this.#timer) return;
    if (this.#client !== undefined && this.#client !== client) return;
    this.#client = undefined;
    this.#options.log.warn({ err: error }, 'the listening connection is gone; connecting again');
    client.end().catch(() => {});
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#connect();
    }, RECONNECT_MS);
  }
}
