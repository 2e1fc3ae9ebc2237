// One claim while its handler is at work: what the handler is given, and whether anybody still waits for its answer. One
// object for a step, as a hundred thousand of them may be in flight.
import type { Emit, EventName } from '../core/events.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Logger } from 'pino';
import type { StepInvocation, TaskView } from '../handlers/step-context.ts';
import type { TransactionJob } from '../handlers/step-transaction.ts';
import type { AttemptProgress, StepRow } from '../handlers/step-view.ts';
import { StopOrder } from '../handlers/stop-order.ts';
import type { ClaimedStep } from '../sql/delivery.ts';
import type { WorkerIdentity } from '../sql/steps.ts';
import type { StopCause } from './connected-worker.ts';

/** What all claims of an engine have in common. */
export interface Surroundings {
  readonly log: Logger;
  readonly emit: Emit;
  /** Whether anybody listens to an event; what nobody hears is not made. */
  readonly isHeard: (event: EventName) => boolean;
  /** Milliseconds for an attempt of a step whose template sets no timeout. Undefined: as long as it likes. */
  readonly defaultTimeoutMs: number | undefined;
  /** Bytes of JSON text that results may have. Undefined: DEFAULT_MAX_RESULT_BYTES. */
  readonly maxResultBytes: number | undefined;
  readonly onProgress: (progress: StepProgress) => void;
}

/** How far a running step is, as its handler says. */
export interface StepProgress extends AttemptProgress {
  readonly task_id: number;
  readonly workflow_step_id: number;
  readonly step_name: string;
}

/** The slots among which a claim counts. */
export interface Slots {
  /** Attempts that are being made. */
  running: number;
  /** Attempts that have ended, and whose outcomes no statement has taken yet. */
  waiting: number;
  /** The last claim filled all the slots that it could: there may be more. */
  readonly hungry: boolean;
}

/** Runs a handler's transaction, which completes its step. */
type Transact = (claim: RunningClaim, job: TransactionJob) => Promise<void>;

export class RunningClaim implements StepInvocation {
  readonly worker: WorkerIdentity;
  readonly claimed: ClaimedStep;
  readonly task: TaskView;
  readonly stop = new StopOrder();
  /** The handler's own transaction is being committed: the claim ends with it, by our own hand. */
  committing = false;
  /** It has been committed: the step is complete, and there is nothing to record. */
  completed = false;
  /** Why nobody waits for the handler any more: its step was taken away, or given back because the engine stops. */
  abandoned: 'revoked' | 'released' | undefined;
  /** Of whoever runs it. */
  slots: Slots | undefined;
  /** Tells a worker elsewhere to stop; a handler of this process has its signal. */
  onHalt: ((cause: StopCause, reason: Error) => void) | undefined;
  /** Nothing of it is left to do: its outcome is on disk, or it was given back or taken away. */
  onEnd: (() => void) | undefined;
  readonly #surroundings: Surroundings;
  readonly #transact: Transact;

  constructor(worker: WorkerIdentity, claimed: ClaimedStep, surroundings: Surroundings, transact: Transact) {
    this.worker = worker;
    this.claimed = claimed;
    this.task = { ...claimed.task, requested_at: new Date(claimed.task.requested_at) };
    this.#surroundings = surroundings;
    this.#transact = transact;
  }

  get handler(): string {
    return this.claimed.handler;
  }

  get step(): StepRow {
    const { workflow_step_id, step_name, attempt, retry_limit, inputs, results, claim_token } = this.claimed;
    return { workflow_step_id, name: step_name, attempt, retry_limit, inputs, results, claim_token };
  }

  /** What is too large to be delivered is refused before the handler is asked. */
  get parent_results(): Readonly<Record<string, Json>> {
    return this.claimed.parent_results ?? {};
  }

  get handler_config(): JsonObject {
    return this.claimed.handler_config;
  }

  get timeout_ms(): number | undefined {
    return this.claimed.timeout_ms ?? this.#surroundings.defaultTimeoutMs;
  }

  get max_result_bytes(): number | undefined {
    return this.#surroundings.maxResultBytes;
  }

  get log(): Logger {
    return this.#surroundings.log;
  }

  get emit(): Emit {
    return this.#surroundings.emit;
  }

  get isHeard(): (event: EventName) => boolean {
    return this.#surroundings.isHeard;
  }

  progress(progress: AttemptProgress): void {
    const { task_id, workflow_step_id, step_name } = this.claimed;
    this.#surroundings.onProgress({ task_id, workflow_step_id, step_name, ...progress });
  }

  /** The attempt should stop. */
  halt(cause: StopCause, reason: Error): void {
    this.stop.give(reason);
    this.onHalt?.(cause, reason);
  }

  transaction(job: TransactionJob): Promise<void> {
    return this.#transact(this, job);
  }
}
