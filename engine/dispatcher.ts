// Hands claimed steps to the crews that run them and their outcomes to the recorder, and knows what is running right now.
import { TRANSITION_EVENTS } from '../core/events.ts';
import type { Outcome } from '../core/outcome.ts';
import { DeclarationError } from '../handlers/declaration.ts';
import { failedOutcome } from '../handlers/failure.ts';
import type { TransactionJob } from '../handlers/step-transaction.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import type { HandlerTransactions } from '../sql/handler-transaction.ts';
import type { Executor } from '../sql/database.ts';
import { heldClaims, type Aftermath, type WorkerIdentity } from '../sql/steps.ts';
import type { Answer, Crew, Share } from './crew.ts';
import type { Recorder } from './recorder.ts';
import { RunningClaim, type Slots, type Surroundings } from './running-claim.ts';

export interface DispatcherOptions extends Surroundings {
  readonly database: Executor;
  readonly recorder: Recorder;
  readonly transactions: HandlerTransactions;
  /** A handler has completed its step in a transaction of its own. */
  readonly onCompleted: (aftermath: Aftermath) => void;
  /** A handler has ended: its slot is free, also while the outcome is on its way to disk. */
  readonly onSlotFreed: (slots: Slots) => void;
}

/** What became of the steps of this process. */
export interface StepCounts {
  /** Their outcome is on disk. */
  readonly ended: number;
  /** Given back unharmed, for others to run. */
  readonly givenBack: number;
  /** Their outcome was lost with Postgres: others take them back when the lease ends. */
  readonly unrecorded: number;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #running = new Map<number, RunningClaim>();
  /** Claims from their dispatch until their outcome is on disk. */
  readonly #held = new Set<number>();
  /** Who waits for the last of them. */
  #idlers: (() => void)[] = [];
  #lateOutcomes = 0;
  #ended = 0;
  #givenBack = 0;
  #unrecorded = 0;
  readonly #transact = (claim: RunningClaim, job: TransactionJob): Promise<void> =>
    this.#runTransaction(claim, job);

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Handlers at work, by their claims. */
  get claimIds(): number[] {
    return [...this.#running].filter(([, claim]) => !claim.committing).map(([claimId]) => claimId);
  }

  /** The step that runs under a claim, as far as this process knows. */
  stepOf(claimId: number): number | undefined {
    return this.#running.get(claimId)?.claimed.workflow_step_id;
  }

  /** All claims that this process knows to hold, also those whose outcome is on its way to disk. */
  get heldClaimIds(): number[] {
    return [...this.#held];
  }

  /** Handlers at work. */
  get running(): number {
    return this.#running.size;
  }

  get counts(): StepCounts {
    return { ended: this.#ended, givenBack: this.#givenBack, unrecorded: this.#unrecorded };
  }

  /** Outcomes that came after their step had been taken away, and changed nothing. */
  get lateOutcomes(): number {
    return this.#lateOutcomes;
  }

  dispatch(worker: WorkerIdentity, steps: readonly ClaimedStep[], crewOf: Share['crewOf']): void {
    this.#announce(steps);
    for (const step of steps) {
      const claim = new RunningClaim(worker, step, this.#options, this.#transact);
      this.#begin(claim, crewOf(step.handler));
    }
  }

  /** Tells all handlers to stop; their answers are still waited for. */
  abort(reason: Error): void {
    for (const claim of this.#running.values()) claim.halt('engine_stopping', reason);
  }

  /** These claims are no longer ours: their handlers are told, their slots are free, and what they answer is dropped. */
  revoke(claimIds: readonly number[], reason: Error): void {
    for (const claimId of claimIds) {
      const claim = this.#running.get(claimId);
      if (!claim || claim.committing) continue;
      claim.abandoned = 'revoked';
      claim.halt('revoked', reason);
      this.#freeSlot(claim);
      this.#letGo(claim);
    }
  }

  /**
   * A step was completed with its claim token, on another connection. A worker elsewhere does so for its handlers, and its
   * answer is on the way; a handler of this process is told to stop.
   */
  completedElsewhere(claimId: number, reason: Error): void {
    const claim = this.#running.get(claimId);
    if (!claim || claim.completed) return;
    if (!claim.onHalt) return this.revoke([claimId], reason);
    claim.committing = true; // it is no longer asked whether we hold it
    claim.completed = true;
    this.#publish(claim.claimed, 'complete', 'in_progress', 'complete');
  }

  /** Nobody waits any longer for handlers that are still at work: their steps go back, unharmed. */
  release(): void {
    for (const claim of this.#running.values()) {
      if (claim.committing && !claim.completed) continue;
      claim.abandoned = 'released';
      this.#freeSlot(claim);
      if (claim.completed) this.#completedByItself(claim);
      else void this.#giveBack(claim);
    }
  }

  /** Resolves when every step that was dispatched is recorded. */
  async idle(): Promise<void> {
    if (this.#held.size > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  #begin(claim: RunningClaim, crew: Crew | undefined): void {
    const { claim_id } = claim.claimed;
    this.#held.add(claim_id);
    if (!crew) return void this.#giveBack(claim); // whoever served it has left meanwhile
    this.#publish(claim.claimed, 'start', 'pending', 'in_progress');
    claim.slots = crew;
    crew.running += 1;
    this.#running.set(claim_id, claim);
    void this.#run(claim, crew).then((answer) => this.#answered(claim, answer));
  }

  #run(claim: RunningClaim, crew: Crew): Promise<Answer> {
    if (claim.claimed.parent_results === null) return Promise.resolve(failedOutcome(tooMuchInput()));
    return crew.begin(claim);
  }

  #answered(claim: RunningClaim, answer: Answer): void {
    if (claim.abandoned === 'revoked') this.#late(claim.claimed);
    if (claim.abandoned) return;
    this.#freeSlot(claim);
    if (claim.completed) this.#completedByItself(claim);
    else if (answer === 'released') void this.#giveBack(claim);
    else if (answer === 'completed_in_transaction') void this.#believe(claim);
    else void this.#record(claim, answer);
  }

  /** A worker says that its handler's transaction has completed the step. When it has not, the attempt failed. */
  async #believe(claim: RunningClaim): Promise<void> {
    const { worker, claimed } = claim;
    try {
      const held = await heldClaims(this.#options.database, worker, [claimed.claim_id]);
      if (held.length > 0) return await this.#record(claim, failedOutcome(notCompleted()));
    } catch (error) {
      this.#options.log.warn({ err: error, ...names(claimed) }, 'it is not known who completed a step');
    }
    this.#publish(claimed, 'complete', 'in_progress', 'complete');
    this.#completedByItself(claim);
  }

  /** Its own transaction has recorded it. */
  #completedByItself(claim: RunningClaim): void {
    this.#ended += 1;
    this.#letGo(claim);
  }

  #freeSlot({ claimed, slots }: RunningClaim): void {
    this.#running.delete(claimed.claim_id);
    if (!slots) return;
    slots.running -= 1;
    this.#options.onSlotFreed(slots);
  }

  #letGo(claim: RunningClaim): void {
    this.#held.delete(claim.claimed.claim_id);
    claim.onEnd?.();
    if (this.#held.size > 0) return;
    for (const resolve of this.#idlers.splice(0)) resolve();
  }

  async #record(claim: RunningClaim, outcome: Outcome): Promise<void> {
    const { worker, claimed, slots } = claim;
    if (slots) slots.waiting += 1; // until a statement takes it, which itself fills the slot
    try {
      if (await this.#options.recorder.record(worker, claimed, outcome, slots))
        this.#recorded(claimed, outcome);
      else if (claim.completed)
        this.#ended += 1; // a timeout met a commit that was under way
      else this.#late(claimed);
    } catch (error) {
      this.#unrecorded += 1;
      this.#options.log.error({ err: error, ...names(claimed) }, 'an outcome could not be recorded');
    } finally {
      this.#letGo(claim);
      if (slots) this.#options.onSlotFreed(slots); // while it waited for the disk it may have held the claims back
    }
  }

  #recorded(step: ClaimedStep, outcome: Outcome): void {
    this.#ended += 1;
    this.#report(step, outcome);
  }

  async #giveBack(claim: RunningClaim): Promise<void> {
    const { worker, claimed } = claim;
    try {
      if (await this.#options.recorder.release(worker, claimed)) this.#givenBack += 1;
    } catch (error) {
      this.#unrecorded += 1;
      this.#options.log.error({ err: error, ...names(claimed) }, 'a step could not be given back');
    } finally {
      this.#letGo(claim);
    }
  }

  #late(step: ClaimedStep): void {
    this.#lateOutcomes += 1;
    this.#options.log.warn(names(step), 'a late outcome was refused: the step had been taken away');
  }

  /** Runs a handler's transaction, which completes its step. */
  async #runTransaction(claim: RunningClaim, { signal, work }: TransactionJob): Promise<void> {
    const aftermath = await this.#options.transactions.run({
      claimToken: claim.claimed.claim_token,
      signal,
      work,
      committing: (underWay) => {
        claim.committing = underWay;
      },
    });
    claim.completed = true;
    this.#publish(claim.claimed, 'complete', 'in_progress', 'complete');
    this.#options.onCompleted(aftermath);
  }

  #announce(steps: readonly ClaimedStep[]): void {
    const { emit, isHeard } = this.#options;
    if (!isHeard('workflow.viable_steps_discovered')) return;
    emit('workflow.viable_steps_discovered', {
      task_ids: [...new Set(steps.map((step) => step.task_id))],
      workflow_step_ids: steps.map((step) => step.workflow_step_id),
      step_count: steps.length,
    });
  }

  #report(step: ClaimedStep, outcome: Outcome): void {
    if (outcome.kind === 'complete') {
      this.#publish(step, 'complete', 'in_progress', 'complete');
      return;
    }
    const { code, error, error_class } = outcome;
    this.#options.log.info(
      {
        ...names(step),
        attempt: step.attempt,
        retry_limit: step.retry_limit,
        code,
        permanent: outcome.permanent,
      },
      `step failed: ${error}`,
    );
    this.#options.emit('step.failed', {
      ...names(step),
      from_state: 'in_progress',
      to_state: 'error',
      attempt: step.attempt,
      code,
      error,
      error_class,
    });
  }

  #publish(
    step: ClaimedStep,
    event: 'start' | 'complete',
    from_state: 'pending' | 'in_progress',
    to_state: 'in_progress' | 'complete',
  ): void {
    const { emit, isHeard } = this.#options;
    const name = TRANSITION_EVENTS.step[event];
    if (!isHeard(name)) return;
    emit(name, { ...names(step), from_state, to_state, attempt: step.attempt });
  }
}

function tooMuchInput(): DeclarationError {
  return new DeclarationError(
    'invalid_input',
    'expected results of the parents of at most 256 MB together, got more: keep large data elsewhere and return where it is',
  );
}

function notCompleted(): Error {
  return new Error('the worker says that a transaction has completed the step, but none has');
}

function names(step: ClaimedStep): { task_id: number; workflow_step_id: number; step_name: string } {
  const { task_id, workflow_step_id, step_name } = step;
  return { task_id, workflow_step_id, step_name };
}
