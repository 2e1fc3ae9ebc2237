// The dedicated connection of an engine: what other processes say on the channel `treadle`, and whether the session behind
// it is its own.
import type pg from 'pg';
import type { Executor } from './database.ts';

export async function listen(client: pg.ClientBase): Promise<void> {
  await client.query('listen treadle');
}

/**
 * True when each statement of this connection runs in the same session of Postgres. A pooler between us answers the
 * greeting itself, with a process id of its own; behind it neither LISTEN nor session locks can be relied on.
 */
export async function ownsSession(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const greeted = 'processID' in client ? client.processID : undefined;
  return rows[0]?.pid === greeted;
}

/** False while Postgres takes no writes: a standby before its promotion, a primary that was set to read only. */
export async function acceptsWrites(db: Executor): Promise<boolean> {
  const [row] = await db.query<{ writes: boolean }>(
    `select not current_setting('transaction_read_only')::boolean as writes`,
  );
  return row?.writes ?? false;
}
