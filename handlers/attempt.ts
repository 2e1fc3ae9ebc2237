// One attempt while it lasts: who is running what, the checked context once there is one, and what is said about it
// to listeners and to the log.
import type { Logger } from 'pino';
import type { EventName, EventPayloads, StepAttemptEvent } from '../core/events.ts';
import type { Outcome } from '../core/outcome.ts';
import { DEFAULT_MAX_RESULT_BYTES } from '../core/outcome.ts';
import { type Deadline, TimeoutError } from './deadline.ts';
import { conform, type HandlerSchemas } from './declaration.ts';
import { describeThrown } from './failure.ts';
import { Sequence } from './sequence.ts';
import type { HandlerDeclaration, ReturnsOf, StepContext, StepInvocation } from './step-context.ts';
import { AttemptTransaction, type InTransaction, type TransactionJob } from './step-transaction.ts';
import { StepView } from './step-view.ts';

/** What an attempt looks at in a handler's class. */
interface HandlerStatics extends HandlerSchemas {
  readonly name: string;
  readonly handlerName?: string;
}

export class Attempt<T extends HandlerDeclaration> {
  readonly step: StepView;
  readonly schemas: HandlerSchemas;
  readonly deadline: Deadline;
  readonly log: Logger;
  readonly transaction = new AttemptTransaction();
  readonly maxResultBytes: number;
  /** Undefined until the input has been found fit. */
  context: StepContext<T> | undefined;
  readonly #invocation: StepInvocation;
  readonly #facts: StepAttemptEvent;
  readonly #startedAt = performance.now();

  constructor(statics: HandlerStatics, invocation: StepInvocation) {
    const { task_id } = invocation.task;
    const { workflow_step_id, name, attempt, retry_limit } = invocation.step;
    const handler = invocation.handler ?? statics.handlerName ?? statics.name;
    this.#invocation = invocation;
    this.#facts = { task_id, workflow_step_id, step_name: name, handler, attempt, retry_limit };
    this.step = new StepView(invocation.step);
    this.schemas = statics;
    this.log = invocation.log.child({ task_id, workflow_step_id, handler, attempt });
    this.maxResultBytes = invocation.max_result_bytes ?? DEFAULT_MAX_RESULT_BYTES;
    this.deadline = {
      timeoutMs: invocation.timeout_ms,
      external: invocation.signal,
      onLate: (answer) => this.#logLate(answer),
      onBlocked: (blockedMs) => this.#logBlocked(blockedMs),
    };
  }

  /** Whoever runs the step's transactions. */
  get transactionRunner(): ((job: TransactionJob) => Promise<void>) | undefined {
    return this.#invocation.transaction;
  }

  /** Checks what the handler is given against what it declared, and makes its context of it. */
  async open(signal: AbortSignal, transaction: InTransaction<ReturnsOf<T>>): Promise<StepContext<T>> {
    const { task, parent_results, handler_config } = this.#invocation;
    const { schemas } = this;
    const config = await conform(schemas.config, handler_config, {
      code: 'invalid_config',
      what: 'handler_config',
    });
    const context = await conform(schemas.context, task.context, { code: 'invalid_input', what: 'context' });
    const needs = await conform(schemas.needs, parent_results, { code: 'invalid_input', what: 'results' });
    // A schema drops what it does not know; a parent that it leaves out is a parent all the same.
    const results = schemas.needs === undefined ? parent_results : { ...parent_results, ...Object(needs) };
    this.context = {
      task: context === task.context ? task : { ...task, context },
      sequence: new Sequence(results),
      step: this.step,
      config,
      signal,
      log: this.log,
      transaction,
    } as StepContext<T>; // the schemas are the declared types at run time; without them the types are trusted
    return this.context;
  }

  /** Ends work that goes on after its time: nobody waits for its answer any more. */
  throwIfTimedOut(signal: AbortSignal): void {
    if (signal.reason instanceof TimeoutError) throw new LateAnswer();
  }

  announceStart(): void {
    this.#publish('step.before_handle', this.#facts);
  }

  announceEnd(outcome: Outcome): void {
    this.#publish('step.handle', {
      ...this.#facts,
      kind: outcome.kind,
      ...(outcome.kind === 'error' ? { code: outcome.code } : {}),
      execution_duration: (performance.now() - this.#startedAt) / 1000,
    });
  }

  #publish<Name extends EventName>(event: Name, payload: EventPayloads[Name]): void {
    try {
      this.#invocation.emit(event, payload);
    } catch (error) {
      this.log.error({ ...describeThrown(error), event }, 'a listener of lifecycle events failed');
    }
  }

  #logLate(answer: PromiseSettledResult<unknown>): void {
    const error: unknown = answer.status === 'rejected' ? answer.reason : undefined;
    if (answer.status === 'fulfilled' || isOne(error, LateAnswer)) {
      this.log.warn('the handler answered after its timeout; dropped');
    } else if (isAbort(error)) {
      this.log.debug('the handler stopped after its timeout'); // as its signal asked it to: worth no warning
    } else {
      this.log.warn(describeThrown(error), 'the handler failed after its timeout; dropped');
    }
  }

  #logBlocked(blockedMs: number): void {
    const seconds = (blockedMs / 1000).toFixed(1);
    this.log.warn(
      { blocked_ms: Math.round(blockedMs) },
      `the event loop was blocked for at least ${seconds} s after the step's timeout: no timer, signal or heartbeat ran`,
    );
  }
}

class LateAnswer extends Error {}

function isAbort(error: unknown): boolean {
  return isOne(error, TimeoutError) || (isOne(error, Error) && error.name === 'AbortError');
}

/** `instanceof` for what a handler threw: a revoked proxy throws when it is asked. */
function isOne<Class extends Error>(
  thrown: unknown,
  errorClass: new (...given: never[]) => Class,
): thrown is Class {
  try {
    return thrown instanceof errorClass;
  } catch {
    return false;
  }
}
