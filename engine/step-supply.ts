// Where the steps of this process come from: the claim loop asks for them, and children and first steps come with the
// recording of their parents and the start of their tasks. Whoever has more than it can take lets the others know.
import type { Database } from '../sql/database.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import { claimSteps, type Aftermath, type Room, type WorkerIdentity } from '../sql/steps.ts';
import { notifyEngines, startTasks } from '../sql/tasks.ts';
import { Batcher } from './batcher.ts';
import { ClaimLoop, type ClaimLoopOptions, type Loan } from './claim-loop.ts';
import { NextLook } from './next-look.ts';
import { isAway } from './outage.ts';
import type { Order } from './recorder.ts';
import type { Vigil } from './vigil.ts';

const TASKS_AT_ONCE = 500;
/** Notifications are serialised at commit, across the whole database. */
const SHARE_AGAIN_MS = 100;

export interface StepSupplyOptions extends Omit<ClaimLoopOptions, 'claim'> {
  readonly database: Database;
  readonly vigil: Pick<Vigil, 'isAlone' | 'wantsNotice' | 'noticeGiven'>;
  /** Whether the starts of short steps are written with their ends. */
  readonly lateStart: boolean;
  /** Steps that run now. */
  readonly running: () => number;
  readonly onStarted: (aftermath: Aftermath) => void;
  /** Aborts when the engine begins to stop. */
  readonly leaving: AbortSignal;
}

export class StepSupply {
  readonly claims: ClaimLoop;
  /** Starts tasks that are due, many at once. */
  readonly starter: Batcher<number, void>;
  readonly #options: StepSupplyOptions;
  /** Limits allow more steps later. */
  readonly #nextLook = new NextLook(() => this.claims.wake());
  #sharedAt = -SHARE_AGAIN_MS;

  constructor(options: StepSupplyOptions) {
    this.#options = options;
    this.claims = new ClaimLoop({ ...options, claim: (worker, room) => this.#claim(worker, room) });
    this.starter = new Batcher({ maxSize: TASKS_AT_ONCE, run: (taskIds) => this.#startTasks(taskIds) });
  }

  /** Resolves when nothing more will be claimed, and what was claimed has come. */
  async stop(): Promise<void> {
    await Promise.all([this.#nextLook.stop(), this.claims.stop()]);
  }

  /** What the recording of so many steps may claim. */
  order(ended: number): Order {
    return this.#orderFor(this.claims.lend(ended));
  }

  async #claim(worker: WorkerIdentity, room: Room): Promise<ClaimedStep[]> {
    const { database, vigil, lateStart } = this.#options;
    const announce = this.#announces;
    const { handlers, capacity } = room;
    const onLookAgain = (inMs: number): void => this.#nextLook.expect(inMs);
    const options = { ...room, announce, lateStart, onLookAgain };
    const steps = await claimSteps(database, worker, handlers, capacity, options);
    if (announce && steps.length > 0) vigil.noticeGiven();
    if (steps.length >= capacity) this.#share();
    return steps;
  }

  /** There is more than we can take: others may have room. They go on by themselves once they have begun. */
  #share(): void {
    if (this.#options.vigil.isAlone || performance.now() - this.#sharedAt < SHARE_AGAIN_MS) return;
    this.#sharedAt = performance.now();
    notifyEngines(this.#options.database, 'ready').catch(() => {}); // their next round looks for itself
  }

  async #startTasks(taskIds: readonly number[]): Promise<void[]> {
    const { onStarted, outageOver, leaving } = this.#options;
    const sorted = [...new Set(taskIds)].sort((a, b) => a - b);
    for (;;) {
      try {
        onStarted(await this.#startAndClaim(sorted));
        return taskIds.map(() => undefined);
      } catch (error) {
        if (!isAway(error) || leaving.aborted) throw error;
        await outageOver(error, leaving); // the queue need not know
      }
    }
  }

  /** First steps come with the start of their tasks, as children do with the recording of their parents. */
  async #startAndClaim(taskIds: readonly number[]): Promise<Aftermath> {
    const { database, identity, vigil } = this.#options;
    const [worker, loan, asked] = [identity(), this.claims.lend(taskIds.length), performance.now()];
    const announce = this.#announces;
    try {
      const claim = { ...this.#orderFor(loan), announce };
      const { claimed, ...aftermath } = await startTasks(database, taskIds, worker, claim);
      if (announce && claimed.length > 0) vigil.noticeGiven();
      this.claims.repay(loan, asked, worker, claimed);
      return aftermath;
    } catch (error) {
      this.claims.writeOff(loan);
      throw error;
    }
  }

  #orderFor(loan: Loan): Order {
    return { ...loan.room, lateStart: this.#options.lateStart, loan };
  }

  /** Whether the others must be told when this process begins to run steps now. */
  get #announces(): boolean {
    return this.#options.running() === 0 && this.#options.vigil.wantsNotice;
  }
}
