// The dedicated connection of this process. It listens on the channel `treadle`: others created tasks (wakeups), wrote
// states (changed), made steps ready (ready), took running ones away (revoked), began to run steps (busy). And its session
// holds the lock by which others see this process die. Where sessions are not our own (a pooler in transaction mode) it
// does neither: then leases and polling carry everything. A notification only saves waiting: after a reconnect, and once in
// each round of recovery, everything is looked at anyway.
import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { ClientExecutor, type Database, type Executor } from '../sql/database.ts';
import { listen, ownsSession } from '../sql/listen.ts';
import { forgetWorkerLock, holdWorkerLock, type WorkerIdentity } from '../sql/steps.ts';

const FIRST_RECONNECT_MS = 250;
const LONGEST_RECONNECT_MS = 2000;
const LOCK_ATTEMPTS = 100;
const LOCK_PAUSE_MS = 10;

export interface ListenerOptions {
  readonly database: Database;
  readonly log: Logger;
  /** `off`: never hold a lock for life, never watch for one; leases alone tell who is dead. */
  readonly sessionLocks: 'auto' | 'off';
  readonly identity: () => WorkerIdentity | undefined;
  readonly onMessage: (message: string) => void;
  /** The connection is (again) there: something may have been missed. */
  readonly onConnected: () => void;
  readonly onLost: () => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #connecting = false;
  #forgetting: Promise<void> = Promise.resolve();
  #stopped = false;
  #pooled = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** This connection while there is one, else the pool. For statements that must not wait for the load. */
  get connection(): Executor {
    return this.#client ? new ClientExecutor(this.#client) : this.#options.database;
  }

  /** Whether notifications reach us. */
  get hears(): boolean {
    return this.#client !== undefined && !this.#pooled;
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

  /** Postgres is back: no need to wait for the next attempt. */
  reconnect(): void {
    if (this.#stopped || this.#client || this.#connecting) return;
    clearTimeout(this.#timer);
    void this.#connect();
  }

  /** Takes the lock by which others see us die; again after every change of the connection or of the epoch. */
  async holdLock(): Promise<void> {
    const client = this.#client;
    if (client) await this.#holdLock(client).catch(() => {}); // the connection broke: the next one takes it
  }

  async #connect(): Promise<void> {
    this.#connecting = true;
    const client = this.#options.database.dedicatedClient('treadle listener');
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    client.on('notification', ({ payload }) => this.#options.onMessage(payload ?? ''));
    try {
      await client.connect();
      await this.#settleIn(client);
      if (this.#stopped) await client.end();
      else this.#connected(client);
    } catch (error) {
      this.#options.log.debug({ err: error }, 'the listening connection could not be made');
      this.#connecting = false;
      this.#retryLater(client);
    }
  }

  async #settleIn(client: pg.Client): Promise<void> {
    const pooled = !(await ownsSession(client));
    if (pooled && !this.#pooled) {
      this.#options.log.info('behind a pooler: polling instead of notifications, leases instead of locks');
    }
    this.#pooled = pooled;
    if (pooled) return;
    await listen(client);
    await this.#forgetting; // it must not undo what follows
    await this.#holdLock(client);
  }

  #connected(client: pg.Client): void {
    this.#client = client;
    this.#connecting = false;
    this.#failures = 0;
    this.#options.onConnected();
  }

  async #holdLock(client: pg.Client): Promise<void> {
    const { sessionLocks, identity, log } = this.#options;
    const db = new ClientExecutor(client);
    for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt += 1) {
      const worker = identity();
      if (!worker || this.#pooled || sessionLocks === 'off') return;
      if (await holdWorkerLock(db, worker)) return;
      await pause(LOCK_PAUSE_MS);
    }
    log.warn('the lock of this worker is held by another session: only its lease shows that it lives');
    await this.#forgetLock();
  }

  #lost(client: pg.Client): void {
    if (this.#stopped || client !== this.#client) return;
    this.#client = undefined;
    this.#options.onLost();
    this.#options.log.debug('the listening connection is gone; connecting again');
    this.#forgetting = this.#forgetLock();
    void this.#connect(); // at once: where that was not heard, others believe us dead soon
  }

  #retryLater(client: pg.Client): void {
    client.end().catch(() => {});
    if (this.#stopped) return;
    this.#forgetting = this.#forgetLock();
    const ms = Math.min(FIRST_RECONNECT_MS * 2 ** this.#failures, LONGEST_RECONNECT_MS);
    this.#failures += 1;
    this.#timer = setTimeout(() => void this.#connect(), ms * (0.5 + Math.random() / 2));
  }

  /** Where only this connection broke and the pool's did not, nobody must take us for dead. */
  async #forgetLock(): Promise<void> {
    const worker = this.#options.identity();
    if (worker) await forgetWorkerLock(this.#options.database, worker).catch(() => {}); // Postgres is away
  }
}
