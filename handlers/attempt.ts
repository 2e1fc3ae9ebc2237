// One attempt while it lasts: who is running what, the checked context once there is one, and what is said about it
// to listeners and to the log. What only some attempts need (a logger, a signal, a transaction) is made when it is asked for.
import type { Logger } from 'pino';
import type { EventName, EventPayloads, StepAttemptEvent } from '../core/events.ts';
import type { Json } from '../core/json.ts';
import type { Outcome } from '../core/outcome.ts';
import { AttemptContext } from './attempt-context.ts';
import { type Deadline, TimeoutError } from './deadline.ts';
import { conform, type HandlerSchemas } from './declaration.ts';
import { describeThrown } from './failure.ts';
import { asResults } from './results.ts';
import type { HandlerDeclaration, ReturnsOf, StepContext, StepInvocation } from './step-context.ts';
import {
  AttemptTransaction,
  type Committed,
  type CurrentAttempt,
  type StepTransaction,
} from './step-transaction.ts';
import { StepView } from './step-view.ts';
import { StopOrder } from './stop-order.ts';

/** What an attempt looks at in a handler's class. */
interface HandlerStatics extends HandlerSchemas {
  readonly name: string;
  readonly handlerName?: string;
}

/** What an attempt asks of its handler. */
interface Handler<T extends HandlerDeclaration> {
  processResults(step: StepView, output: ReturnsOf<T>, initialResults: Json): void | Promise<void>;
}

export class Attempt<T extends HandlerDeclaration> implements CurrentAttempt, Deadline {
  readonly step: StepView;
  readonly stop: StopOrder;
  /** Undefined until the input has been found fit. */
  context: StepContext<T> | undefined;
  readonly #handler: Handler<T>;
  readonly #statics: HandlerStatics;
  readonly #invocation: StepInvocation;
  readonly #startedAt = performance.now();
  #log: Logger | undefined;
  #transaction: AttemptTransaction | undefined;

  constructor(handler: Handler<T>, invocation: StepInvocation) {
    this.step = new StepView(invocation.step, invocation);
    this.stop = invocation.stop ?? new StopOrder();
    this.#handler = handler;
    this.#statics = handler.constructor;
    this.#invocation = invocation;
  }

  /** Writes into every line whose attempt it is. */
  get log(): Logger {
    this.#log ??= this.#invocation.log.child({
      task_id: this.#invocation.task.task_id,
      workflow_step_id: this.step.workflow_step_id,
      handler: this.#handlerName,
      attempt: this.step.attempt,
    });
    return this.#log;
  }

  get #handlerName(): string {
    return this.#invocation.handler ?? this.#statics.handlerName ?? this.#statics.name;
  }

  /** What the handler's own transaction has completed the step with; undefined when it has not. */
  get committed(): Committed | undefined {
    return this.#transaction?.committed;
  }

  /** Runs `inside` in a transaction that completes the step with what it returned. */
  transaction(inside: (tx: StepTransaction) => ReturnsOf<T> | Promise<ReturnsOf<T>>): Promise<ReturnsOf<T>> {
    this.#transaction ??= new AttemptTransaction();
    const runner = this.#invocation.transaction?.bind(this.#invocation);
    return this.#transaction.run(runner, this.stop.signal, async (tx) => {
      const output = await inside(tx);
      return { output, results: await this.resultsOf(output) };
    });
  }

  /** The handler's context, of input that needs no checking; undefined when the handler has declared schemas. */
  openUnchecked(): StepContext<T> | undefined {
    const { config, context, needs } = this.#statics;
    if (config !== undefined || context !== undefined || needs !== undefined) return undefined;
    const { task, parent_results, handler_config } = this.#invocation;
    return this.#open(task, parent_results, handler_config);
  }

  /** Checks what the handler is given against what it declared, and makes its context of it. */
  async open(): Promise<StepContext<T>> {
    const { task, parent_results, handler_config } = this.#invocation;
    const schemas = this.#statics;
    const config = await conform(schemas.config, handler_config, {
      code: 'invalid_config',
      what: 'handler_config',
    });
    const context = await conform(schemas.context, task.context, { code: 'invalid_input', what: 'context' });
    const needs = await conform(schemas.needs, parent_results, { code: 'invalid_input', what: 'results' });
    // A schema drops what it does not know; a parent that it leaves out is a parent all the same.
    const results = schemas.needs === undefined ? parent_results : { ...parent_results, ...Object(needs) };
    return this.#open(context === task.context ? task : { ...task, context }, results, config);
  }

  /** The schemas are the declared types at run time; without them the types are trusted. */
  #open(task: unknown, results: Readonly<Record<string, unknown>>, config: unknown): StepContext<T> {
    this.context = new AttemptContext(this, { task, results, config }) as unknown as StepContext<T>;
    return this.context;
  }

  /** What `process` returned as the step's results: the JSON text that the children will read. */
  resultsOf(output: ReturnsOf<T>): string | Promise<string> {
    if (this.stop.reason instanceof TimeoutError) throw new LateAnswer(); // nobody waits for it any more
    const { step } = this;
    const processing = this.#handler.processResults(step, output, step.initialResults);
    if (processing === undefined && this.#statics.output === undefined) return this.storableResults();
    return this.#checkedResults(processing);
  }

  async #checkedResults(processing: void | Promise<void>): Promise<string> {
    await processing;
    const schema = this.#statics.output;
    const results = this.storableResults();
    if (schema === undefined) return results;
    // JSON first, so that the schema sees what the children will
    const conforming = await conform(schema, JSON.parse(results), { code: 'invalid_output', what: 'output' });
    return asResults(conforming, this.#invocation.max_result_bytes);
  }

  /** The results as they are in the step now. @throws DeclarationError when they cannot be stored. */
  storableResults(): string {
    return asResults(this.step.results, this.#invocation.max_result_bytes);
  }

  get timeoutMs(): number | undefined {
    return this.#invocation.timeout_ms;
  }

  onTimeout(reason: TimeoutError): void {
    this.stop.give(reason);
  }

  announceStart(): void {
    if (this.#isHeard('step.before_handle')) this.#publish('step.before_handle', this.#facts());
  }

  announceEnd(outcome: Outcome): void {
    if (!this.#isHeard('step.handle')) return;
    this.#publish('step.handle', {
      ...this.#facts(),
      kind: outcome.kind,
      ...(outcome.kind === 'error' ? { code: outcome.code } : {}),
      execution_duration: (performance.now() - this.#startedAt) / 1000,
    });
  }

  #facts(): StepAttemptEvent {
    const { workflow_step_id, name, attempt, retry_limit } = this.step;
    const { task_id } = this.#invocation.task;
    return { task_id, workflow_step_id, step_name: name, handler: this.#handlerName, attempt, retry_limit };
  }

  #isHeard(event: EventName): boolean {
    return this.#invocation.isHeard?.(event) ?? true;
  }

  #publish<Name extends EventName>(event: Name, payload: EventPayloads[Name]): void {
    try {
      this.#invocation.emit(event, payload);
    } catch (error) {
      this.log.error({ ...describeThrown(error), event }, 'a listener of lifecycle events failed');
    }
  }

  onLate(answer: PromiseSettledResult<unknown>): void {
    const error: unknown = answer.status === 'rejected' ? answer.reason : undefined;
    if (answer.status === 'fulfilled' || isOne(error, LateAnswer)) {
      this.log.warn('the handler answered after its timeout; dropped');
    } else if (isAbort(error)) {
      this.log.debug('the handler stopped after its timeout'); // as its signal asked it to: worth no warning
    } else {
      this.log.warn(describeThrown(error), 'the handler failed after its timeout; dropped');
    }
  }

  onBlocked(blockedMs: number): void {
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
