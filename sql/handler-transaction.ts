// The transactions in which handlers complete their own steps. They have connections of their own: handlers that hold
// theirs for long never keep the engine from its work. Nothing of a transaction whose signal aborted is ever committed.
import type pg from 'pg';
import type { Json } from '../core/json.ts';
import { asTreadleError, ClientExecutor, type Database } from './database.ts';
import { completeStep } from './outcomes.ts';
import type { Aftermath } from './steps.ts';

export interface HandlerTransaction {
  readonly claimToken: string;
  /** Aborting it before the commit is sent closes the connection and ends the statement that runs on the server. */
  readonly signal: AbortSignal;
  /** Writes, and answers with the results of the step as JSON text. */
  readonly work: (tx: TransactionExecutor) => Promise<string>;
  /** Told that the commit is about to be sent (true), and that it failed (false). */
  readonly committing: (under_way: boolean) => void;
}

export class HandlerTransactions {
  readonly #database: Database;
  readonly #maxConnections: number;
  #pool: pg.Pool | undefined;

  constructor(database: Database, maxConnections: number) {
    this.#database = database;
    this.#maxConnections = maxConnections;
  }

  /**
   * Begins, works, completes the step and commits; what failed on the way is rolled back and thrown.
   * @throws TreadleError `fenced` when the step had been taken away from this attempt.
   */
  async run(transaction: HandlerTransaction): Promise<Aftermath> {
    transaction.signal.throwIfAborted();
    this.#pool ??= this.#database.separatePool('treadle handlers', this.#maxConnections);
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asTreadleError(error);
    });
    const session = new Session(client, (pid) => this.#endBackend(pid));
    const cut = (): void => session.cut();
    transaction.signal.addEventListener('abort', cut, { once: true });
    try {
      return await carryOut(session, transaction);
    } catch (error) {
      await session.rollBack();
      transaction.signal.throwIfAborted(); // rather than how the cut connection felt to the work
      throw asTreadleError(error);
    } finally {
      transaction.signal.removeEventListener('abort', cut);
      session.release();
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  /** A statement that runs goes on when its client vanishes, until it has something to say. */
  #endBackend(pid: number): void {
    this.#database.query('select pg_terminate_backend($1)', [pid]).catch(() => {}); // then it ends by itself, later
  }
}

async function carryOut(session: Session, { signal, work, claimToken, committing }: HandlerTransaction) {
  signal.throwIfAborted();
  const tx = await session.begin();
  const results = await work(tx);
  signal.throwIfAborted();
  const aftermath = await completeStep(tx, claimToken, JSON.parse(results) as Json);
  signal.throwIfAborted();
  committing(true);
  try {
    await session.commit();
  } catch (error) {
    committing(false);
    throw error;
  }
  return aftermath;
}

/** What the work of a handler gets: releasing the client is not its business. */
class TransactionExecutor extends ClientExecutor {
  declare readonly client: pg.PoolClient;
}

/** One connection of the pool while a handler has it. */
class Session {
  readonly #client: pg.PoolClient;
  readonly #endBackend: (pid: number) => void;
  #pid: number | undefined;
  #sealed = false;
  #released = false;
  #broken: Error | undefined;

  constructor(client: pg.PoolClient, endBackend: (pid: number) => void) {
    this.#client = client;
    this.#endBackend = endBackend;
  }

  async begin(): Promise<TransactionExecutor> {
    const answers: unknown = await this.#client.query(
      'begin isolation level read committed; select pg_backend_pid() as pid',
    );
    const [, answer] = answers as [unknown, pg.QueryResult<{ pid: number }>];
    this.#pid = answer.rows[0]?.pid;
    return new TransactionExecutor(this.#client);
  }

  /** From here on it is for Postgres to say what happened. */
  async commit(): Promise<void> {
    this.#sealed = true;
    await this.#client.query('commit');
  }

  async rollBack(): Promise<void> {
    if (this.#released) return;
    await this.#client.query('rollback').catch((error: Error) => {
      this.#broken = error; // the connection is gone: the pool must not reuse it
    });
  }

  /** Ends the transaction from outside, whatever the handler is doing with it. */
  cut(): void {
    if (this.#sealed || this.#released) return;
    this.#released = true;
    this.#client.release(true);
    if (this.#pid !== undefined) this.#endBackend(this.#pid);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#client.release(this.#broken);
  }
}
