// The round that makes every other part safe to fail. One statement says that this process lives and hears what there is to
// do: steps of dead workers to give back, wake-ups that nobody handed to the queue or that come due, tasks that somebody
// else changed while no engine listened. Only what there is to do costs another.
import type { Logger } from 'pino';
import type { Emit } from '../core/events.ts';
import type { Database } from '../sql/database.ts';
import { lookAround, type Round } from '../sql/rounds.ts';
import {
  heldClaims,
  revocations,
  takeBackLostSteps,
  type Aftermath,
  type LostStep,
  type Revocation,
} from '../sql/steps.ts';
import { returnLostWakeups, settleChangedTasks } from '../sql/tasks.ts';
import type { Membership } from './membership.ts';
import { isAway } from './outage.ts';
import { roundMs } from './periods.ts';

const TASKS_AT_ONCE = 500;

/** A job that is due for so long is given to the queue again. */
const LOST_AFTER_SECONDS = 30;

export interface RecoveryOptions {
  readonly database: Database;
  readonly membership: Membership;
  readonly log: Logger;
  readonly leaseSeconds: number;
  readonly emit: Emit;
  readonly onAftermath: (aftermath: Aftermath) => void;
  /** A statement failed because Postgres is away. */
  readonly onAway: (error: unknown) => void;
  /** This process did not look around for longer than a lease. */
  readonly onStalled: () => void;
  /** False while leases may have ended only because Postgres was away for everybody. */
  readonly maySeeDeaths: () => boolean;
  readonly drainWakeups: () => void;
  /** Other engines have died. */
  readonly onDeaths: () => void;
  /** For these handlers steps are looked for in each round; null: never. */
  readonly handlers: () => readonly string[] | null;
  /** There are such steps. */
  readonly onReady: () => void;
  /** A job that the queue knows of comes due in so many ms; 0: one is due. */
  readonly onJobDueIn: (ms: number) => void;
  /** The earliest deadline is so far off, or has passed (0 or less). */
  readonly onDeadlineIn: (ms: number) => void;
  /** The same of the earliest tick of a schedule. */
  readonly onScheduleIn: (ms: number) => void;
  /** Which claims this process believes to hold. */
  readonly claimIds: () => readonly number[];
  readonly stepOf: (claimId: number) => number | undefined;
  /** This one it has lost. */
  readonly onRevoked: (claimId: number, reason: Error) => void;
  /** This one has ended: somebody has completed the step with its claim token. */
  readonly onCompleted: (claimId: number, reason: Error) => void;
}

export class Recovery {
  readonly #options: RecoveryOptions;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #settling: Promise<void> | undefined;
  #settleAgain = false;
  #lookedAt = Date.now();
  #looksSoon = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#lookedAt = Date.now();
    this.#timer = setInterval(() => this.lookNow(), roundMs(this.#options.leaseSeconds));
    this.lookNow(); // whatever was to do, or comes due, while nobody ran
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#round;
    await this.#settling;
  }

  /** A round out of turn: Postgres was away, and much may have happened. */
  lookNow(): void {
    if (this.#timer === undefined || this.#looksSoon) return;
    this.#looksSoon = true;
    this.#round = this.#round.then(() => {
      this.#looksSoon = false;
      return this.#lookAround();
    });
  }

  /** Gives the steps of dead workers back: those past their lease, and `absent` ones whose lock is still free. */
  async takeBack(absent: readonly number[] = []): Promise<void> {
    const { database, log, onAftermath, onDeaths } = this.#options;
    const back = await takeBackLostSteps(database, absent);
    onDeaths();
    if (back.lost.length === 0) return;
    log.warn(
      { steps: back.lost.length, task_ids: [...new Set(back.lost.map((step) => step.task_id))] },
      'took back the steps of a dead worker',
    );
    for (const step of back.lost) this.#publish(step);
    onAftermath(back);
  }

  /** Some steps may have been taken from their workers: cancelled, timed out, ended by another hand. */
  async checkClaims(): Promise<void> {
    const { database, membership, claimIds } = this.#options;
    const believed = claimIds();
    if (believed.length === 0) return;
    const held = new Set(await heldClaims(database, membership.identity, believed));
    await this.#revoke(believed.filter((claimId) => !held.has(claimId)));
  }

  async #revoke(lost: readonly number[]): Promise<void> {
    const { database, stepOf, onRevoked, onCompleted } = this.#options;
    if (lost.length === 0) return;
    const stepIds = lost.flatMap((claimId) => stepOf(claimId) ?? []);
    const found = await revocations(database, stepIds).catch(() => new Map<number, Revocation>());
    for (const claimId of lost) {
      const revocation = found.get(stepOf(claimId) ?? 0);
      const reason = new Error(revocation?.reason ?? 'the step was taken away');
      if (revocation?.completed_claim_id === claimId) onCompleted(claimId, reason);
      else onRevoked(claimId, reason);
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
    const { database, membership, log, leaseSeconds, handlers, claimIds, onAway, onStalled } = this.#options;
    // Frozen for longer than a lease (a machine that slept): others were too, and must have time to say that they live.
    if (Date.now() - this.#lookedAt > leaseSeconds * 1000) onStalled();
    this.#lookedAt = Date.now();
    try {
      const { identity } = membership;
      const asked = {
        leaseSeconds,
        handlers: handlers(),
        claimIds: claimIds(),
        lateSeconds: LOST_AFTER_SECONDS,
      };
      const round = await lookAround(database, identity, asked);
      this.#tell(round);
      if (round.alive) await this.#revoke(round.lost_claim_ids);
      else await membership.comeBack(identity);
      await this.#mend(round);
    } catch (error) {
      if (isAway(error)) onAway(error);
      else log.warn({ err: error }, 'recovery could not look around; trying again');
    }
  }

  #tell({ ready, unhanded, changed, overdue, ...next }: Round): void {
    const { onReady, drainWakeups, onJobDueIn, onDeadlineIn, onScheduleIn } = this.#options;
    const { next_wakeup_in_ms, next_deadline_in_ms, next_schedule_in_ms } = next;
    if (ready) onReady();
    if (unhanded) drainWakeups();
    if (changed) this.settleChanged();
    if (overdue) onJobDueIn(0);
    if (next_wakeup_in_ms !== null) onJobDueIn(next_wakeup_in_ms);
    if (next_deadline_in_ms !== null) onDeadlineIn(next_deadline_in_ms);
    if (next_schedule_in_ms !== null) onScheduleIn(next_schedule_in_ms);
  }

  async #mend({ deaths, late }: Round): Promise<void> {
    const { database, log, maySeeDeaths, drainWakeups } = this.#options;
    if (deaths && maySeeDeaths()) await this.takeBack();
    if (!late) return;
    const lost = await returnLostWakeups(database, LOST_AFTER_SECONDS);
    if (lost === 0) return;
    log.warn({ tasks: lost }, 'the queue is slow or has lost jobs; handing them over again');
    drainWakeups();
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
