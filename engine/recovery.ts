// The round that makes every other part safe to fail: heartbeat, steps of dead workers given back, wake-ups that nobody
// handed to the queue, tasks that somebody else changed while no engine listened.
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';
import type { Database } from '../sql/database.ts';
import { heldClaims, takeBackLostSteps, type Aftermath } from '../sql/steps.ts';
import { returnLostWakeups, settleChangedTasks } from '../sql/tasks.ts';
import type { Membership } from './membership.ts';

const TASKS_AT_ONCE = 500;

/** A job that is due for so long is given to the queue again. */
const LOST_AFTER_SECONDS = 30;

export interface RecoveryOptions {
  readonly database: Database;
  readonly membership: Membership;
  readonly log: Logger;
  readonly intervalMs: number;
  readonly onAftermath: (aftermath: Aftermath) => void;
  readonly drainWakeups: () => void;
  /** Which claims this process believes to hold. */
  readonly claimIds: () => readonly number[];
  /** These it has lost. */
  readonly onRevoked: (claimIds: readonly number[]) => void;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #settling: Promise<void> | undefined;
  #settleAgain = false;
  #away = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round = this.#round.then(() => this.#lookAround());
    }, this.#options.intervalMs);
    this.settleChanged();
    this.#options.drainWakeups();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
    await this.#settling;
  }

  /** Some steps may have been taken from their workers: cancelled, timed out, ended by another hand. */
  async checkClaims(): Promise<void> {
    const { database, membership, claimIds, onRevoked } = this.#options;
    const believed = claimIds();
    if (believed.length === 0) return;
    const held = new Set(await heldClaims(database, membership.identity, believed));
    const lost = believed.filter((claimId) => !held.has(claimId));
    if (lost.length > 0) onRevoked(lost);
  }

  /** Somebody else wrote states. One round at a time; a call during a round makes it look again. */
  settleChanged(): void {
    this.#settleAgain = true;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
  }

  async #lookAround(): Promise<void> {
    const { database, membership, log, drainWakeups } = this.#options;
    try {
      await membership.beat();
      await this.checkClaims();
      const taskIds = await takeBackLostSteps(database);
      if (taskIds.length > 0) log.warn({ task_ids: taskIds }, 'took back the steps of a dead worker');
      const lost = await returnLostWakeups(database, LOST_AFTER_SECONDS);
      if (lost > 0) log.warn({ tasks: lost }, 'the queue is slow or has lost jobs; handing them over again');
      if (this.#away) log.info('Postgres is back');
      this.#away = false;
    } catch (error) {
      if (!this.#away) log.warn({ err: error }, 'recovery could not look around; trying again');
      this.#away = error instanceof TreadleError && error.code === 'database_unavailable';
      return;
    }
    drainWakeups();
    this.settleChanged();
  }

  async #settle(): Promise<void> {
    const { database, log, onAftermath } = this.#options;
    while (this.#settleAgain) {
      this.#settleAgain = false;
      try {
        const aftermath = await settleChangedTasks(database, TASKS_AT_ONCE);
        if (!aftermath) continue;
        onAftermath(aftermath);
        this.#settleAgain = true; // there may be another page
      } catch (error) {
        log.warn({ err: error }, 'tasks that changed elsewhere could not be looked at; trying again');
      }
    }
  }
}
