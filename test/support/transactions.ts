// Transactions under a test's control, two at once that wait for each other on real locks. Waiting is seen in Postgres
// itself, never guessed with a sleep.
import type pg from 'pg';
import { onTestFinished } from 'vitest';
import { ClientExecutor, type Database, type Executor } from '../../sql/database.ts';

/** A connection with an open transaction. */
export interface OpenTransaction extends Executor {
  readonly pid: number;
  commit(): Promise<void>;
}

export async function openTransaction(database: Database): Promise<OpenTransaction> {
  const client: pg.PoolClient = await database.pool.connect();
  onTestFinished(() => client.release(true));
  await client.query('begin');
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const executor = new ClientExecutor(client);
  return {
    pid: rows[0]?.pid ?? 0,
    query: (text, values) => executor.query(text, values),
    commit: async () => {
      await client.query('commit');
    },
  };
}

/** Resolves when the backend waits for a lock that another one holds. */
export async function untilBlocked(db: Executor, pid: number): Promise<void> {
  const giveUp = Date.now() + 15_000;
  for (;;) {
    const [row] = await db.query<{ blocked: boolean }>(
      'select cardinality(pg_blocking_pids($1)) > 0 as blocked',
      [pid],
    );
    if (row?.blocked) return;
    if (Date.now() > giveUp) throw new Error(`backend ${pid} does not wait for anybody`);
  }
}
