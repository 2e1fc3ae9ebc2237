// A step that works on the engine's own Postgres can end in the transaction of its writes: both happen, or neither. Here
// is what such a transaction is to a handler, and how `this.transaction` knows which attempt it belongs to.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { PoolClient } from 'pg';
import type { Logger } from 'pino';
import { TreadleError } from '../core/errors.ts';

/** An open transaction on the engine's database, at read committed. Committing and rolling back is not the handler's. */
export interface StepTransaction {
  /** The driver's client: for Drizzle (`drizzle(tx.client)`), Kysely, or statements of your own. */
  readonly client: PoolClient;
  /** Runs one statement and answers with its rows. */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
}

/** Runs work in a transaction that commits together with the step's completion; answers with what the work returned. */
export type InTransaction<Output> = (
  work: (tx: StepTransaction) => Output | Promise<Output>,
) => Promise<Output>;

/** What whoever runs the step is asked to do: begin, `work`, complete the step with its answer (JSON text), commit. */
export interface TransactionJob {
  /** When it aborts before the commit is on its way, nothing of the transaction may stay. */
  readonly signal: AbortSignal;
  readonly work: (tx: StepTransaction) => Promise<string>;
}

/** The attempt that the running code belongs to. One for all copies of this package in a process. */
const attempts: AsyncLocalStorage<CurrentAttempt> = ((globalThis as Record<symbol, unknown>)[
  Symbol.for('treadle.attempts')
] ??= new AsyncLocalStorage()) as AsyncLocalStorage<CurrentAttempt>;

export interface CurrentAttempt {
  readonly log: Logger;
  /** InTransaction of whatever its handler returns. */
  transaction(work: never): Promise<unknown>;
}

/** Runs `work`, and all that it starts, as part of this attempt. */
export function asAttempt<Result>(attempt: CurrentAttempt, work: () => Result): Result {
  return attempts.run(attempt, work);
}

/** The attempt that started what runs here, also when it has ended; undefined when none did. */
export function originatingAttempt(): CurrentAttempt | undefined {
  return attempts.getStore();
}

/** The attempt that is running here. @throws TreadleError `invalid_argument` outside of `process`. */
export function currentAttempt(): CurrentAttempt {
  const attempt = attempts.getStore();
  if (attempt) return attempt;
  throw new TreadleError(
    'invalid_argument',
    'expected this.transaction inside process, came a call outside of it',
  );
}

/** What a step was completed with by its own transaction. */
export interface Committed<Output = unknown> {
  readonly output: Output;
  /** JSON text. */
  readonly results: string;
}

/** The one transaction of an attempt. */
export class AttemptTransaction {
  #open = false;
  #committed: Committed | undefined;

  /** Undefined while the step is not complete. */
  get committed(): Committed | undefined {
    return this.#committed;
  }

  /** One at a time, and none after one has committed. After one that was rolled back another may be tried. */
  async run<Output>(
    runner: ((job: TransactionJob) => Promise<void>) | undefined,
    signal: AbortSignal,
    work: (tx: StepTransaction) => Promise<Committed<Output>>,
  ): Promise<Output> {
    if (runner === undefined) throw refusal('a step that runs on a database');
    if (this.#committed) throw refusal('one transaction for an attempt: this step is complete already');
    if (this.#open) throw refusal('one transaction at a time');
    this.#open = true;
    let done: Committed<Output> | undefined;
    try {
      const job = async (tx: StepTransaction): Promise<string> => (done = await work(tx)).results;
      await runner({ signal, work: job });
    } finally {
      this.#open = false;
    }
    if (!done) throw new Error('the transaction committed without its work');
    this.#committed = done;
    return done.output;
  }
}

function refusal(expected: string): TreadleError {
  return new TreadleError('invalid_argument', `transaction: expected ${expected}`);
}
