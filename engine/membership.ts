// This process as Postgres knows it: registered with its handlers and capacity, alive while it looks around. When it
// was declared dead it comes back under the same id and a higher epoch; what it held before is no longer its own.
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { Executor } from '../sql/database.ts';
import {
  leaveWorker,
  registerWorker,
  type Left,
  type WorkerIdentity,
  type WorkerRegistration,
} from '../sql/steps.ts';

export interface MembershipOptions {
  readonly database: Executor;
  readonly handlers: () => readonly string[];
  readonly capacity: number;
  /** Seconds without a heartbeat after which others take this process's steps back. */
  readonly leaseSeconds: number;
  readonly log: Logger;
  /** Declared dead and back again: all work from before is lost. */
  readonly onReturned: () => void;
}

export class Membership {
  readonly #options: MembershipOptions;
  #identity: WorkerIdentity | undefined;
  #returning: Promise<void> | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** Who we are in every statement. Throws before `join`. */
  get identity(): WorkerIdentity {
    if (!this.#identity) throw new Error('this process has not registered as a worker');
    return this.#identity;
  }

  /** Undefined before `join` and after `leave`. */
  get identityIfAny(): WorkerIdentity | undefined {
    return this.#identity;
  }

  async join(): Promise<void> {
    const { database, log } = this.#options;
    this.#identity = await registerWorker(database, this.registration);
    log.debug({ ...this.#identity }, 'registered as a worker');
  }

  /** The worker of this epoch was declared dead. Whoever notices first brings it back, once. */
  comeBack(lost: WorkerIdentity): Promise<void> {
    if (this.#identity?.epoch !== lost.epoch) return Promise.resolve();
    this.#returning ??= this.#comeBack(lost).finally(() => {
      this.#returning = undefined;
    });
    return this.#returning;
  }

  async leave(): Promise<Left | undefined> {
    const identity = this.#identity;
    this.#identity = undefined;
    return identity && leaveWorker(this.#options.database, identity);
  }

  async #comeBack(lost: WorkerIdentity): Promise<void> {
    const { database, log, onReturned } = this.#options;
    const identity = await registerWorker(database, this.registration, lost);
    if (!this.#identity) return; // it has left meanwhile
    this.#identity = identity;
    log.warn(
      { worker_id: identity.worker_id, epoch: identity.epoch },
      'this worker was declared dead: it drops what it runs and goes on under a new epoch',
    );
    onReturned();
  }

  /** What this process says of itself. */
  get registration(): WorkerRegistration {
    const { handlers, capacity, leaseSeconds } = this.#options;
    return { name: `${hostname()}:${process.pid}`, handlers: handlers(), capacity, leaseSeconds };
  }
}
