// The context of one attempt. Most handlers look at a few parts of it, and the others cost more than all the rest: they
// are made when somebody looks. They are properties of each context, not of the class, so that `{ ...context }` has them.
import type { Logger } from 'pino';
import { Sequence } from './sequence.ts';
import type { CurrentAttempt, InTransaction } from './step-transaction.ts';
import type { StepView } from './step-view.ts';
import type { StopOrder } from './stop-order.ts';

/** The attempt, as far as its context shows it. */
interface Shown extends CurrentAttempt {
  readonly step: StepView;
  readonly stop: StopOrder;
}

/** What the handler declared, checked. */
interface Input {
  readonly task: unknown;
  readonly results: Readonly<Record<string, unknown>>;
  readonly config: unknown;
}

const ATTEMPT = Symbol('attempt');

export class AttemptContext {
  readonly task: unknown;
  readonly sequence: Sequence<object>;
  readonly step: StepView;
  readonly config: unknown;
  declare readonly signal: AbortSignal;
  declare readonly log: Logger;
  declare readonly transaction: InTransaction<unknown>;
  readonly [ATTEMPT]: Shown;

  constructor(attempt: Shown, { task, results, config }: Input) {
    this.task = task;
    this.sequence = new Sequence(results);
    this.step = attempt.step;
    this.config = config;
    this[ATTEMPT] = attempt;
    Object.defineProperties(this, WHEN_ASKED); // always the same descriptors: V8 keeps one hidden class
  }
}

const WHEN_ASKED: PropertyDescriptorMap & ThisType<AttemptContext> = {
  signal: whenAsked(({ stop }) => stop.signal),
  log: whenAsked(({ log }) => log),
  transaction: whenAsked((attempt) => (inside: never) => attempt.transaction(inside)),
};

function whenAsked(read: (attempt: Shown) => unknown): PropertyDescriptor {
  return {
    enumerable: true,
    get(this: AttemptContext) {
      return read(this[ATTEMPT]);
    },
  };
}
