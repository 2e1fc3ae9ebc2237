// The foundation class of all step handlers. A subclass says what the work is (`process`); `handle` is the lifecycle
// around it, is the same for all and ends in exactly one Outcome: it never throws and never waits past the timeout.
import type { z } from 'zod';
import type { Json, JsonObject } from '../core/json.ts';
import type { Outcome } from '../core/outcome.ts';
import { Attempt } from './attempt.ts';
import { withinDeadline } from './deadline.ts';
import { describeThrown, failedOutcome } from './failure.ts';
import { completed } from './results.ts';
import type { HandlerDeclaration, ReturnsOf, StepContext, StepInvocation } from './step-context.ts';
import { asAttempt, currentAttempt, type StepTransaction } from './step-transaction.ts';
import type { StepView } from './step-view.ts';

/** Marks the foundation's prototype; the same symbol in every copy of this package in a process. */
export const STEP_HANDLER: unique symbol = Symbol.for('treadle.step_handler');

/** Any step handler, whatever it declares. */
export interface AnyStepHandler {
  readonly [STEP_HANDLER]: true;
  before?(context: never): unknown;
  process(context: never): unknown;
  processResults(step: StepView, output: never, initialResults: Json): unknown;
  after?(context: never, outcome: Outcome): unknown;
}

/**
 * Subclass it, implement `process`, and name the class in a template. One instance serves all attempts at once, so
 * keep no state of an attempt in it. The type argument declares what of the world the handler relies on:
 *
 *     interface Types { context: Order; needs: { validate_order: ValidOrder }; output: Reservation }
 *     class ReserveInventory extends StepHandler<Types> {
 *       async process({ task, sequence, signal }: StepContext<Types>) { ... return reservation; }
 *     }
 *
 * The same as zod schemas in statics (`config`, `context`, `needs`, `output`) is checked at run time: before `process`
 * (a misfit fails the step for good, `invalid_config` or `invalid_input`) and after it (`invalid_output`).
 * `process` may throw PermanentError (no attempt is left), RetryableError (try again, at the earliest after
 * `retryAfter` seconds), or anything else (try again after the step's backoff).
 */
export abstract class StepHandler<T extends HandlerDeclaration = HandlerDeclaration> {
  /** What templates call the handler. Default: the name of the class. */
  declare static readonly handlerName?: string;
  /** Checks `handler_config`; defaults and coercions reach `process`. */
  declare static readonly config?: z.ZodType;
  /** Checks the task's context. */
  declare static readonly context?: z.ZodType;
  /** Checks the results of the parents, as one object by step name. */
  declare static readonly needs?: z.ZodType;
  /** Checks the results, as the JSON that children will read. */
  declare static readonly output?: z.ZodType;
  /** Exists for the compiler only: carries the declared types to the template builder. */
  declare readonly __types?: T;

  get [STEP_HANDLER](): true {
    return true;
  }

  /** The work of the step. What it returns becomes `step.results`; nothing becomes `{}`. Runs at least once. */
  abstract process(context: StepContext<T>): ReturnsOf<T> | Promise<ReturnsOf<T>>;

  /** Makes `step.results` of what `process` returned. Default: as it is, unless the handler has set results itself. */
  processResults(step: StepView, output: ReturnsOf<T>, _initialResults: Json): void | Promise<void> {
    if (!step.resultsChanged) step.results = output;
  }

  /** Runs before `process`, with input that is already checked. What it throws fails the attempt as `process` would. */
  before?(context: StepContext<T>): void | Promise<void>;

  /** Runs after an attempt whose input was fit, with its outcome. What it throws is logged and changes nothing. */
  after?(context: StepContext<T>, outcome: Outcome): void | Promise<void>;

  /**
   * Inside `process`, for work on the engine's own Postgres: begins a transaction, runs `inside` in it, completes the step
   * with what `inside` returned (through `processResults` and the `output` schema), and commits. The writes, the outcome,
   * its audit rows and the children happen together, exactly once, or not at all. Return what it returns:
   *
   *     async process({ task }: StepContext<Types>) {
   *       return this.transaction(async (tx) => {
   *         await tx.query('insert into payments (order_id) values ($1)', [task.context.order_id]);
   *         return { paid: true };
   *       });
   *     }
   *
   * What `inside` throws rolls everything back and fails the attempt as always. When the step was taken away meanwhile
   * (timeout, cancellation, a worker declared dead) everything is rolled back too. Once it has committed the step is
   * complete, whatever `process` does after it. One at a time, and none after one that committed.
   * @throws TreadleError `fenced` when the step had been taken away, `invalid_argument` outside of `process`.
   */
  protected transaction(
    inside: (tx: StepTransaction) => ReturnsOf<T> | Promise<ReturnsOf<T>>,
  ): Promise<ReturnsOf<T>> {
    return currentAttempt().transaction(inside as never) as Promise<ReturnsOf<T>>;
  }

  /** The lifecycle. Private: a subclass that declares `handle` does not compile, and the registry refuses it. */
  private async handle(invocation: StepInvocation): Promise<Outcome> {
    const attempt = new Attempt<T>(this, invocation);
    attempt.announceStart();
    let outcome: Outcome;
    try {
      outcome = completed(await withinDeadline(attempt, () => work(this, attempt)));
    } catch (thrown) {
      outcome = ended(thrown, attempt);
    }
    if (this.after) await afterwards(this, attempt, outcome);
    attempt.announceEnd(outcome);
    return outcome;
  }
}

/** Runs one attempt of a step through the lifecycle. Never rejects. */
export function runStep(handler: AnyStepHandler, invocation: StepInvocation): Promise<Outcome> {
  const outcome = StepHandler.prototype['handle'].call(handler as unknown as StepHandler, invocation);
  return outcome.catch((thrown: unknown) => failedOutcome(thrown)); // the lifecycle itself broke, as with a logger that throws
}

/** Answers with the results as JSON text. Nothing is awaited that is there already: a promise costs as much as a schema. */
async function work<T extends HandlerDeclaration>(
  handler: StepHandler<T>,
  attempt: Attempt<T>,
): Promise<string> {
  const context = attempt.openUnchecked() ?? (await attempt.open());
  if (handler.before) await handler.before(context);
  attempt.stop.throwIfGiven();
  const output = await asAttempt(attempt, () => handler.process(context));
  const { committed } = attempt;
  if (!committed) return attempt.resultsOf(output);
  if (output !== undefined && output !== committed.output) {
    attempt.log.warn(
      'process returned something else than its transaction; the step has the results of the latter',
    );
  }
  return committed.results;
}

/** What is committed stands: an error after the step's own transaction comes too late to change the outcome. */
function ended(thrown: unknown, attempt: Attempt<HandlerDeclaration>): Outcome {
  const { committed } = attempt;
  if (!committed) return failedOutcome(thrown, keptResults(attempt));
  attempt.log.warn(describeThrown(thrown), 'process failed after its transaction had completed the step');
  return completed(committed.results);
}

/** What the handler had put into step.results before it failed, when it can be stored beside the error. */
function keptResults(attempt: Attempt<HandlerDeclaration>): JsonObject | undefined {
  try {
    if (!attempt.step.resultsChanged) return undefined;
    const results = JSON.parse(attempt.storableResults()) as Json;
    return typeof results === 'object' && results !== null && !Array.isArray(results) ? results : undefined;
  } catch {
    return undefined;
  }
}

/** The after-hook, under a timeout of its own: it can neither change the outcome nor hold it back for ever. */
async function afterwards<T extends HandlerDeclaration>(
  handler: StepHandler<T>,
  attempt: Attempt<T>,
  outcome: Outcome,
): Promise<void> {
  const { context } = attempt;
  if (context === undefined) return;
  try {
    await withinDeadline(attempt, async () => handler.after?.(context, outcome));
  } catch (error) {
    attempt.log.error(describeThrown(error), 'the after-hook failed; the outcome stands');
  }
}
