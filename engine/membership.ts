// This process as Postgres knows it: registered with its handlers and capacity, alive while it sends heartbeats. When it
// was declared dead it registers anew; what it held before is no longer its own.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Executor } from '../sql/database.ts';
import { heartbeat, leaveWorker, registerWorker, type WorkerIdentity } from '../sql/steps.ts';

export interface MembershipOptions {
  readonly database: Executor;
  readonly handlers: readonly string[];
  readonly capacity: number;
  /** Seconds without a heartbeat after which others take this process's steps back. */
  readonly leaseSeconds: number;
  readonly log: Logger;
}

export class Membership {
  readonly #options: MembershipOptions;
  #identity: WorkerIdentity | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Who we are in every statement. Throws before `join`. */
  get identity(): WorkerIdentity {
    if (!this.#identity) throw new Error('this process has not registered as a worker');
    return this.#identity;
  }

  async join(): Promise<void> {
    const { database, handlers, capacity, leaseSeconds, log } = this.#options;
    const name = `${hostname()}:${process.pid}`;
    this.#identity = await registerWorker(database, { name, handlers, capacity, leaseSeconds });
    log.debug({ ...this.#identity, name }, 'registered as a worker');
  }

  async beat(): Promise<void> {
    const { database, leaseSeconds, log } = this.#options;
    if (await heartbeat(database, this.identity, leaseSeconds)) return;
    log.warn({ ...this.identity }, 'this worker was declared dead; registering again');
    await this.join();
  }

  async leave(): Promise<void> {
    if (this.#identity) await leaveWorker(this.#options.database, this.#identity);
    this.#identity = undefined;
  }
}
