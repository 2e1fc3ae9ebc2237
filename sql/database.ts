// The pool, transactions, and the one place where a SQLSTATE becomes a TreadleError.
// Every connection speaks UTC, reads `timestamp` as UTC and int8 as a number (ids stay far below 2^53; a larger one throws).
import pg from 'pg';
import { TreadleError, type ErrorCode } from '../core/errors.ts';

/** Whatever can run one statement: a pool, a client, or an adapter around somebody else's transaction. */
export interface Executor {
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<Row[]>;
}

export interface DatabaseOptions {
  readonly url: string;
  /** Most connections open at once. */
  readonly maxConnections?: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName?: string;
  /** Called when an idle connection breaks; the pool replaces it by itself. */
  readonly onConnectionError?: (error: Error) => void;
}

/** The SQLSTATEs that our own functions raise (class TR), and those of Postgres that callers act on. */
const CODE_OF_SQLSTATE: Readonly<Record<string, ErrorCode>> = {
  TR001: 'unlawful_transition',
  TR002: 'stale_state',
  TR003: 'fenced',
  TR004: 'unknown_task',
  TR005: 'unknown_template',
  TR006: 'unknown_step',
  TR007: 'invalid_argument',
  TR008: 'invalid_context',
  '3F000': 'not_migrated', // schema does not exist
  '42P01': 'not_migrated', // table does not exist
  '42883': 'not_migrated', // function does not exist
};

/**
 * SQLSTATEs and socket errors that mean: the server is away, not: the statement is wrong. 25006: it is read-only (a standby
 * that is about to be promoted), 53300: it has no connection left.
 */
const UNAVAILABLE =
  /^(08|57P|25006|53300|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/;

const CONNECTION_ENDED =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Postgres's own error as ours. Anything that is no database error comes back as it is. */
export function asTreadleError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TreadleError) return error;
  const sqlstate = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (sqlstate === undefined) {
    // node-postgres has no code for a connection that ended under a query
    return CONNECTION_ENDED.test(error.message)
      ? new TreadleError('database_unavailable', `Postgres is away: ${error.message}`, { cause: error })
      : error;
  }
  const known = CODE_OF_SQLSTATE[sqlstate];
  if (known === 'not_migrated') {
    return new TreadleError(known, `${error.message}: run "treadle migrate" first`, { cause: error });
  }
  const detail = 'detail' in error && typeof error.detail === 'string' ? error.detail : undefined;
  if (known) {
    return new TreadleError(known, error.message, { cause: error, details: detail ? { detail } : {} });
  }
  if (UNAVAILABLE.test(sqlstate)) {
    return new TreadleError('database_unavailable', `Postgres is away: ${error.message}`, { cause: error });
  }
  if (!/^[0-9A-Z]{5}$/.test(sqlstate)) return error;
  return new TreadleError('database_error', `${error.message} (SQLSTATE ${sqlstate})`, {
    cause: error,
    details: { sqlstate, ...(detail ? { detail } : {}) },
  });
}

const INT8 = 20;
const TIMESTAMP = 1114;

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`id ${text} is beyond 2^53 and cannot be held`);
  return value;
}

function parseUtc(text: string): Date {
  return new Date(`${text.replace(' ', 'T')}Z`);
}

const types = {
  getTypeParser(oid: number, format: 'text' = 'text') {
    if (oid === INT8) return parseInt8;
    if (oid === TIMESTAMP) return parseUtc;
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- ids of types that pg has no name for come here too
    return pg.types.getTypeParser(oid, format) as (text: string) => unknown;
  },
} as pg.CustomTypesConfig; // we never ask for the binary format

/** One pool on one database. */
export class Database implements Executor {
  readonly pool: pg.Pool;
  readonly url: string;

  constructor(options: DatabaseOptions) {
    this.url = options.url;
    this.pool = new pg.Pool({
      ...connectionConfig(options),
      max: options.maxConnections ?? 10,
      // a statement, as not every pooler lets a setting pass that comes with the greeting; our plans are too short-lived
      // and their costs too artificial (enable_* = off) for what compiling them would take
      // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it; its types do not say so
      onConnect: async (client) => void (await client.query(`set timezone to 'UTC'; set jit to off`)),
    });
    // Without a listener a broken connection would end the process: an idle one, and one between two statements of a
    // transaction, which the pool does not listen to.
    this.pool.on('error', options.onConnectionError ?? (() => {}));
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return runQuery<Row>(this.pool, text, values);
  }

  /** Runs `work` in one transaction: commits when it returns, rolls back when it throws. */
  async transaction<Result>(work: (tx: ClientExecutor) => Promise<Result>): Promise<Result> {
    const client = await this.pool.connect().catch((error: unknown) => {
      throw asTreadleError(error);
    });
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const result = await work(new ClientExecutor(client));
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((rollbackError: Error) => {
        broken = rollbackError; // the connection is gone: the pool must not reuse it
      });
      throw asTreadleError(error);
    } finally {
      client.release(broken);
    }
  }

  /** A connection of its own, outside the pool (LISTEN, session locks). The caller ends it. */
  dedicatedClient(applicationName: string): pg.Client {
    return new pg.Client(connectionConfig({ url: this.url, applicationName }));
  }

  /** A pool with the driver's own types, for a library that brings its own statements. The caller ends it. */
  separatePool(applicationName: string, maxConnections: number): pg.Pool {
    const pool = new pg.Pool({
      connectionString: this.url,
      application_name: applicationName,
      max: maxConnections,
    });
    // Also while it ends: a connection that breaks without a listener ends the process.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    return pool;
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

/** One checked-out client, inside a transaction. */
export class ClientExecutor implements Executor {
  readonly client: pg.ClientBase;

  constructor(client: pg.ClientBase) {
    this.client = client;
  }

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return runQuery<Row>(this.client, text, values);
  }
}

function connectionConfig(options: DatabaseOptions): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.applicationName ?? 'treadle',
    keepAlive: true,
    types,
  };
}

async function runQuery<Row extends object>(
  target: pg.Pool | pg.ClientBase,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  try {
    const result = await target.query<Row>(text, values as unknown[]);
    return result.rows;
  } catch (error) {
    throw asTreadleError(error);
  }
}
