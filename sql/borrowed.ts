// Running our statements inside somebody else's transaction: a node-postgres client, a Drizzle or a Kysely transaction.
import type { SQL } from 'drizzle-orm';
import type pg from 'pg';
import { TreadleError } from '../core/errors.ts';
import { ClientExecutor, type Executor, asTreadleError } from './database.ts';

/** What Drizzle's transaction object offers, as far as we need it. */
export interface DrizzleTransaction {
  execute(query: SQL): PromiseLike<unknown>;
}

/** What Kysely's transaction object offers, as far as we need it. */
export interface KyselyTransaction {
  executeQuery(query: never): Promise<{ rows: unknown[] }>;
}

/** Any transaction that the application may hand to us. It commits or rolls back; we only run statements in it. */
export type BorrowedTransaction = pg.ClientBase | DrizzleTransaction | KyselyTransaction | Executor;

/** @throws TreadleError `invalid_argument` for anything else. */
export function borrow(transaction: BorrowedTransaction): Executor {
  if (transaction instanceof ClientExecutor) return transaction;
  if ('executeQuery' in transaction) return kyselyExecutor(transaction);
  if ('execute' in transaction) return drizzleExecutor(transaction);
  if ('query' in transaction && 'escapeIdentifier' in transaction) return new ClientExecutor(transaction);
  if ('query' in transaction) return transaction;
  throw new TreadleError(
    'invalid_argument',
    'client must be a node-postgres client, a Drizzle transaction or a Kysely transaction',
  );
}

function drizzleExecutor(tx: DrizzleTransaction): Executor {
  return {
    query: (text, values = []) => rowsOf(async () => tx.execute(await asDrizzleSql(text, values))),
  };
}

function kyselyExecutor(trx: KyselyTransaction): Executor {
  return {
    query: (text, values = []) =>
      rowsOf(() => {
        const query = {
          sql: text,
          parameters: values,
          query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
        };
        return trx.executeQuery({ ...query, queryId: { queryId: 'treadle' } } as never);
      }),
  };
}

/** Our numbered parameters as Drizzle's template: `$1` becomes a bound value. Drizzle is loaded where there is a transaction of it. */
async function asDrizzleSql(text: string, values: readonly unknown[]): Promise<SQL> {
  const { sql: drizzleSql } = await import('drizzle-orm');
  const chunks = text.split(/\$(\d+)/);
  const parts = chunks.map((chunk, index) =>
    index % 2 === 0 ? drizzleSql.raw(chunk) : drizzleSql`${drizzleSql.param(values[Number(chunk) - 1])}`,
  );
  return drizzleSql.join(parts);
}

async function rowsOf<Row>(run: () => Promise<unknown>): Promise<Row[]> {
  try {
    const result = await run();
    if (Array.isArray(result)) return result as Row[]; // postgres-js answers with the rows themselves
    return (result as { rows: Row[] }).rows;
  } catch (error) {
    throw asOurs(error);
  }
}

/** Drizzle wraps what the driver threw. */
function asOurs(error: unknown): unknown {
  const cause = error instanceof Error ? asTreadleError(error.cause) : undefined;
  return cause instanceof TreadleError ? cause : asTreadleError(error);
}
