// Hands claimed steps to their handlers and their outcomes to the recorder, and knows what is running right now.
import type { Logger } from 'pino';
import { TRANSITION_EVENTS, type Emit } from '../core/events.ts';
import type { Outcome } from '../core/outcome.ts';
import { failedOutcome } from '../handlers/failure.ts';
import type { HandlerRegistry } from '../handlers/registry.ts';
import type { StepInvocation } from '../handlers/step-context.ts';
import { runStep } from '../handlers/step-handler.ts';
import type { ClaimedStep, WorkerIdentity } from '../sql/steps.ts';
import type { Recorder } from './recorder.ts';

export interface DispatcherOptions {
  readonly registry: HandlerRegistry;
  readonly recorder: Recorder;
  readonly emit: Emit;
  readonly log: Logger;
  /** Steps that may run at once. */
  readonly concurrency: number;
  /** A handler has ended: its slot is free, also while the outcome is on its way to disk. */
  readonly onSlotFreed: () => void;
}

/** One claim while its handler is at work. */
class RunningClaim {
  readonly #control = new AbortController();
  #giveUp: () => void = () => {};
  /** Resolves when the claim has been taken away: nobody waits for the handler any more. */
  readonly revoked = new Promise<undefined>((resolve) => {
    this.#giveUp = () => resolve(undefined);
  });

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
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #running = new Map<number, RunningClaim>();
  readonly #unfinished = new Set<Promise<void>>();
  #lateOutcomes = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Handlers at work, by their claims. */
  get claimIds(): number[] {
    return [...this.#running.keys()];
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
      const work = this.#carryOut(worker, step).finally(() => this.#unfinished.delete(work));
      this.#unfinished.add(work);
    }
  }

  /** Tells all handlers to stop. */
  abort(reason: Error): void {
    for (const claim of this.#running.values()) claim.abort(reason);
  }

  /** These claims are no longer ours: their handlers are told, their slots are free, and what they answer is dropped. */
  revoke(claimIds: readonly number[], reason: Error): void {
    for (const claimId of claimIds) this.#running.get(claimId)?.revoke(reason);
  }

  /** Resolves when every step that was dispatched is recorded. */
  async idle(): Promise<void> {
    await Promise.all(this.#unfinished);
  }

  async #carryOut(worker: WorkerIdentity, step: ClaimedStep): Promise<void> {
    this.#publish(step, 'start', 'pending', 'in_progress');
    const claim = new RunningClaim();
    this.#running.set(step.claim_id, claim);
    const work = this.#run(step, claim.signal);
    const outcome = await Promise.race([work, claim.revoked]);
    this.#running.delete(step.claim_id);
    this.#options.onSlotFreed();
    if (outcome) await this.#record(worker, step, outcome);
    else void work.then(() => this.#late(step));
  }

  async #record(worker: WorkerIdentity, step: ClaimedStep, outcome: Outcome): Promise<void> {
    try {
      if (await this.#options.recorder.record(worker, step, outcome)) this.#report(step, outcome);
      else this.#late(step);
    } catch (error) {
      this.#options.log.error({ err: error, ...names(step) }, 'an outcome could not be recorded');
    } finally {
      this.#options.onSlotFreed(); // while it waited for the disk it may have held the claims back
    }
  }

  #late(step: ClaimedStep): void {
    this.#lateOutcomes += 1;
    this.#options.log.warn(names(step), 'a late outcome was refused: the step had been taken away');
  }

  async #run(step: ClaimedStep, signal: AbortSignal): Promise<Outcome> {
    try {
      return await runStep(this.#options.registry.get(step.handler), this.#invocation(step, signal));
    } catch (error) {
      return { ...failedOutcome(error), code: 'unknown_handler', permanent: true };
    }
  }

  #invocation(step: ClaimedStep, signal: AbortSignal): StepInvocation {
    return {
      handler: step.handler,
      task: { ...step.task, requested_at: new Date(step.task.requested_at) },
      step: { ...step, name: step.step_name },
      parent_results: step.parent_results,
      handler_config: step.handler_config,
      timeout_ms: step.timeout_ms ?? undefined,
      signal,
      log: this.#options.log,
      emit: this.#options.emit,
    };
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

function names(step: ClaimedStep): { task_id: number; workflow_step_id: number; step_name: string } {
  const { task_id, workflow_step_id, step_name } = step;
  return { task_id, workflow_step_id, step_name };
}
