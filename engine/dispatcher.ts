// Hands claimed steps to their handlers and their outcomes to the recorder, and knows what is running right now.
import type { Logger } from 'pino';
import { TRANSITION_EVENTS, type Emit } from '../core/events.ts';
import type { Outcome } from '../core/outcome.ts';
import { DeclarationError } from '../handlers/declaration.ts';
import { failedOutcome } from '../handlers/failure.ts';
import type { HandlerRegistry } from '../handlers/registry.ts';
import type { StepInvocation } from '../handlers/step-context.ts';
import { runStep } from '../handlers/step-handler.ts';
import type { TransactionJob } from '../handlers/step-transaction.ts';
import type { HandlerTransactions } from '../sql/handler-transaction.ts';
import type { Aftermath, ClaimedStep, WorkerIdentity } from '../sql/steps.ts';
import type { Recorder } from './recorder.ts';

export interface DispatcherOptions {
  readonly registry: HandlerRegistry;
  readonly recorder: Recorder;
  readonly transactions: HandlerTransactions;
  /** A handler has completed its step in a transaction of its own. */
  readonly onCompleted: (aftermath: Aftermath) => void;
  readonly emit: Emit;
  readonly log: Logger;
  /** Steps that may run at once. */
  readonly concurrency: number;
  /** Milliseconds for an attempt of a step whose template sets no timeout. Undefined: as long as it likes. */
  readonly defaultTimeoutMs: number | undefined;
  /** Bytes of JSON text that results may have. Undefined: DEFAULT_MAX_RESULT_BYTES. */
  readonly maxResultBytes: number | undefined;
  /** A handler has ended: its slot is free, also while the outcome is on its way to disk. */
  readonly onSlotFreed: () => void;
}

/** One claim while its handler is at work. */
class RunningClaim {
  readonly stepId: number;
  readonly #control = new AbortController();
  #giveUp: () => void = () => {};
  /** The handler's own transaction is being committed: the claim ends with it, by our own hand. */
  committing = false;
  /** It has been committed: the step is complete, and there is nothing to record. */
  completed = false;
  /** It is given back: the engine stops, and its handler does not. */
  released = false;
  /** Resolves when the claim has been taken away: nobody waits for the handler any more. */
  readonly revoked = new Promise<undefined>((resolve) => {
    this.#giveUp = () => resolve(undefined);
  });

  constructor(stepId: number) {
    this.stepId = stepId;
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  /** Tells the handler to stop; its answer is still waited for. */
  abort(reason: Error): void {
    this.#control.abort(reason);
  }

  revoke(reason: Error): void {
    this.#giveUp();
    this.#control.abort(reason);
  }

  release(): void {
    this.released = true;
    this.#giveUp();
  }
}

type RunnableStep = ClaimedStep & { readonly parent_results: NonNullable<ClaimedStep['parent_results']> };

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
  readonly #unfinished = new Set<Promise<void>>();
  /** Claims from their dispatch until their outcome is on disk. */
  readonly #held = new Set<number>();
  #lateOutcomes = 0;
  #ended = 0;
  #givenBack = 0;
  #unrecorded = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Handlers at work, by their claims. */
  get claimIds(): number[] {
    return [...this.#running].filter(([, claim]) => !claim.committing).map(([claimId]) => claimId);
  }

  /** The step that runs under a claim, as far as this process knows. */
  stepOf(claimId: number): number | undefined {
    return this.#running.get(claimId)?.stepId;
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

  /** Slots for more. Outcomes that wait for the disk count too, so that a slow disk holds the claims back. */
  get freeCapacity(): number {
    const { concurrency, recorder } = this.#options;
    return concurrency - Math.max(this.#running.size, recorder.backlog);
  }

  dispatch(worker: WorkerIdentity, steps: readonly ClaimedStep[]): void {
    const { emit } = this.#options;
    emit('workflow.viable_steps_discovered', {
      task_ids: [...new Set(steps.map((step) => step.task_id))],
      workflow_step_ids: steps.map((step) => step.workflow_step_id),
      step_count: steps.length,
    });
    for (const step of steps) {
      this.#held.add(step.claim_id);
      const work = this.#carryOut(worker, step).finally(() => {
        this.#held.delete(step.claim_id);
        this.#unfinished.delete(work);
      });
      this.#unfinished.add(work);
    }
  }

  /** Tells all handlers to stop. */
  abort(reason: Error): void {
    for (const claim of this.#running.values()) claim.abort(reason);
  }

  /** These claims are no longer ours: their handlers are told, their slots are free, and what they answer is dropped. */
  revoke(claimIds: readonly number[], reason: Error): void {
    for (const claimId of claimIds) {
      const claim = this.#running.get(claimId);
      if (claim && !claim.committing) claim.revoke(reason);
    }
  }

  /** Nobody waits any longer for handlers that are still at work: their steps go back, unharmed. */
  release(): void {
    for (const claim of this.#running.values()) if (!claim.committing || claim.completed) claim.release();
  }

  /** Resolves when every step that was dispatched is recorded. */
  async idle(): Promise<void> {
    await Promise.all(this.#unfinished);
  }

  async #carryOut(worker: WorkerIdentity, step: ClaimedStep): Promise<void> {
    this.#publish(step, 'start', 'pending', 'in_progress');
    const claim = new RunningClaim(step.workflow_step_id);
    this.#running.set(step.claim_id, claim);
    const work = this.#run(step, claim);
    const outcome = await Promise.race([work, claim.revoked]);
    this.#running.delete(step.claim_id);
    this.#options.onSlotFreed();
    if (claim.completed) this.#ended += 1;
    else if (outcome) await this.#record(worker, step, claim, outcome);
    else if (claim.released) await this.#giveBack(worker, step);
    else void work.then(() => this.#late(step));
  }

  async #record(
    worker: WorkerIdentity,
    step: ClaimedStep,
    claim: RunningClaim,
    outcome: Outcome,
  ): Promise<void> {
    try {
      if (await this.#options.recorder.record(worker, step, outcome)) this.#recorded(step, outcome);
      else if (claim.completed)
        this.#ended += 1; // a timeout met a commit that was under way
      else this.#late(step);
    } catch (error) {
      this.#unrecorded += 1;
      this.#options.log.error({ err: error, ...names(step) }, 'an outcome could not be recorded');
    } finally {
      this.#options.onSlotFreed(); // while it waited for the disk it may have held the claims back
    }
  }

  #recorded(step: ClaimedStep, outcome: Outcome): void {
    this.#ended += 1;
    this.#report(step, outcome);
  }

  async #giveBack(worker: WorkerIdentity, step: ClaimedStep): Promise<void> {
    try {
      if (await this.#options.recorder.release(worker, step)) this.#givenBack += 1;
    } catch (error) {
      this.#unrecorded += 1;
      this.#options.log.error({ err: error, ...names(step) }, 'a step could not be given back');
    }
  }

  #late(step: ClaimedStep): void {
    this.#lateOutcomes += 1;
    this.#options.log.warn(names(step), 'a late outcome was refused: the step had been taken away');
  }

  async #run(step: ClaimedStep, claim: RunningClaim): Promise<Outcome> {
    const { parent_results } = step;
    if (parent_results === null) return failedOutcome(tooMuchInput());
    try {
      const invocation = this.#invocation({ ...step, parent_results }, claim);
      return await runStep(this.#options.registry.get(step.handler), invocation);
    } catch (error) {
      return { ...failedOutcome(error), code: 'unknown_handler', permanent: true };
    }
  }

  #invocation(step: RunnableStep, claim: RunningClaim): StepInvocation {
    return {
      handler: step.handler,
      task: { ...step.task, requested_at: new Date(step.task.requested_at) },
      step: { ...step, name: step.step_name },
      parent_results: step.parent_results,
      handler_config: step.handler_config,
      timeout_ms: step.timeout_ms ?? this.#options.defaultTimeoutMs,
      max_result_bytes: this.#options.maxResultBytes,
      signal: claim.signal,
      log: this.#options.log,
      emit: this.#options.emit,
      transaction: (job) => this.#transact(step, claim, job),
    };
  }

  /** Runs a handler's transaction, which completes its step. */
  async #transact(step: ClaimedStep, claim: RunningClaim, { signal, work }: TransactionJob): Promise<void> {
    const aftermath = await this.#options.transactions.run({
      claimToken: step.claim_token,
      signal,
      work,
      committing: (underWay) => {
        claim.committing = underWay;
      },
    });
    claim.completed = true;
    this.#publish(step, 'complete', 'in_progress', 'complete');
    this.#options.onCompleted(aftermath);
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
    this.#options.emit(TRANSITION_EVENTS.step[event], {
      ...names(step),
      from_state,
      to_state,
      attempt: step.attempt,
    });
  }
}

function tooMuchInput(): DeclarationError {
  return new DeclarationError(
    'invalid_input',
    'expected results of the parents of at most 256 MB together, got more: keep large data elsewhere and return where it is',
  );
}

function names(step: ClaimedStep): { task_id: number; workflow_step_id: number; step_name: string } {
  const { task_id, workflow_step_id, step_name } = step;
  return { task_id, workflow_step_id, step_name };
}
