// The round that makes every other part safe to fail: heartbeat, steps of dead workers given back, wake-ups that nobody
// handed to the queue, tasks that somebody else changed while no engine listened.
import type { Logger } from 'pino';
import type { Emit } from '../core/events.ts';
import type { Database } from '../sql/database.ts';
import { heldClaims, revocations, takeBackLostSteps, type Aftermath, type LostStep } from '../sql/steps.ts';
import { notifyEngines, returnLostWakeups, settleChangedTasks } from '../sql/tasks.ts';
import type { Membership } from './membership.ts';
import { isAway } from './outage.ts';

const TASKS_AT_ONCE = 500;

/** A job that is due for so long is given to the queue again. */
const LOST_AFTER_SECONDS = 30;

export const ROUNDS_PER_LEASE = 3;

export interface RecoveryOptions {
  readonly database: Database;
  readonly membership: Membership;
  readonly log: Logger;
  readonly intervalMs: number;
  readonly emit: Emit;
  readonly onAftermath: (aftermath: Aftermath) => void;
  /** A statement failed because Postgres is away. */
  readonly onAway: (error: unknown) => void;
  /** This process did not look around for longer than a lease. */
  readonly onStalled: () => void;
  /** False while leases may have ended only because Postgres was away for everybody. */
  readonly maySeeDeaths: () => boolean;
  readonly drainWakeups: () => void;
  /** Which claims this process believes to hold. */
  readonly claimIds: () => readonly number[];
  readonly stepOf: (claimId: number) => number | undefined;
  /** This one it has lost. */
  readonly onRevoked: (claimId: number, reason: Error) => void;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #settling: Promise<void> | undefined;
  #settleAgain = false;
  #lookedAt = Date.now();

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lookedAt = Date.now();
    this.#timer = setInterval(() => this.lookNow(), this.#options.intervalMs);
    this.settleChanged();
    this.#options.drainWakeups();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
    await this.#settling;
  }

  /** A round out of turn: Postgres was away, and much may have happened. */
  lookNow(): void {
    this.#round = this.#round.then(() => this.#lookAround());
  }

  /** Gives the steps of dead workers back: those past their lease, and `absent` ones whose lock is still free. */
  async takeBack(absent: readonly number[] = []): Promise<void> {
    const { database, log, onAftermath } = this.#options;
    const back = await takeBackLostSteps(database, absent);
    if (back.lost.length === 0) return;
    log.warn(
      { steps: back.lost.length, task_ids: [...new Set(back.lost.map((step) => step.task_id))] },
      'took back the steps of a dead worker',
    );
    for (const step of back.lost) this.#publish(step);
    onAftermath(back);
    await notifyEngines(database, 'ready'); // there may be more than we have slots for
  }

  /** Some steps may have been taken from their workers: cancelled, timed out, ended by another hand. */
  async checkClaims(): Promise<void> {
    const { database, membership, claimIds, stepOf, onRevoked } = this.#options;
    const believed = claimIds();
    if (believed.length === 0) return;
    const held = new Set(await heldClaims(database, membership.identity, believed));
    const lost = believed.filter((claimId) => !held.has(claimId));
    if (lost.length === 0) return;
    const stepIds = lost.flatMap((claimId) => stepOf(claimId) ?? []);
    const reasons = await revocations(database, stepIds).catch(() => new Map<number, string>());
    for (const claimId of lost) {
      const reason = reasons.get(stepOf(claimId) ?? 0) ?? 'the step was taken away';
      onRevoked(claimId, new Error(reason));
    }
  }

  /** Somebody else wrote states. One round at a time; a call during a round makes it look again. */
  settleChanged(): void {
    this.#settleAgain = true;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
  }

  async #lookAround(): Promise<void> {
    const { database, membership, log, drainWakeups, onAway, onStalled, maySeeDeaths, intervalMs } =
      this.#options;
    // Frozen for longer than a lease (a machine that slept): others were too, and must have time to say that they live.
    if (Date.now() - this.#lookedAt > ROUNDS_PER_LEASE * intervalMs) onStalled();
    this.#lookedAt = Date.now();
    try {
      await membership.beat();
      await this.checkClaims();
      if (maySeeDeaths()) await this.takeBack();
      const lost = await returnLostWakeups(database, LOST_AFTER_SECONDS);
      if (lost > 0) log.warn({ tasks: lost }, 'the queue is slow or has lost jobs; handing them over again');
    } catch (error) {
      if (isAway(error)) onAway(error);
      else log.warn({ err: error }, 'recovery could not look around; trying again');
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
        if (isAway(error)) this.#options.onAway(error);
        else log.warn({ err: error }, 'tasks that changed elsewhere could not be looked at; trying again');
      }
    }
  }

  #publish(step: LostStep): void {
    this.#options.emit('step.failed', {
      ...step,
      from_state: 'in_progress',
      to_state: 'error',
      code: 'worker_lost',
      error: 'the worker process died',
      error_class: 'Treadle::WorkerLost',
    });
  }
}
