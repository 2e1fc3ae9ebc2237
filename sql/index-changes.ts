// Drops and restores indexes while everything runs: one at a time, on a connection of its own, never waiting long for a lock.
// What is dropped is written down first; whatever is interrupted or killed, the next run goes on.
import type pg from 'pg';
import { TreadleError } from '../core/errors.ts';
import { asTreadleError, ClientExecutor, type Database, type Executor } from './database.ts';
import { ownsSession } from './listen.ts';
import { droppedIndexes, type DroppableIndex, type DroppedIndex } from './tuning.ts';

export interface ChangeOptions {
  /** How long one index may wait for transactions of others, and a run for another one. */
  readonly lockTimeoutSeconds: number;
}

export interface ChangedIndex {
  readonly index_name: string;
  readonly table_name: string;
  readonly bytes: number;
  /** Whether it was done; false: it is not as it was any more and was left alone. */
  readonly done: boolean;
}

const LOCK_TIMEOUT = '55P03';

/**
 * Drops them, one each time the caller asks for the next. Whoever stops asking stops it; what is done is done.
 * @throws TreadleError `database_error` when an index cannot be had within the time, or another run is at work.
 */
export async function* dropIndexes(
  database: Database,
  indexes: readonly DroppableIndex[],
  options: ChangeOptions,
): AsyncGenerator<ChangedIndex> {
  const session = await openSession(database, options);
  try {
    for (const index of indexes) {
      const { index_name, table_name, bytes } = index;
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the promise
      const done = await dropOne(session, index, options);
      yield { index_name, table_name, bytes, done };
    }
  } finally {
    await session.end();
  }
}

/** Makes what was dropped again, under the same name and with the same definition. Otherwise as dropIndexes. */
export async function* restoreIndexes(
  database: Database,
  options: ChangeOptions,
): AsyncGenerator<ChangedIndex> {
  const session = await openSession(database, options);
  try {
    for (const index of await droppedIndexes(session)) {
      const { index_name, table_name, bytes } = index;
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the promise
      const done = await restoreOne(session, index, options);
      yield { index_name, table_name, bytes, done };
    }
  } finally {
    await session.end();
  }
}

async function dropOne(session: Session, index: DroppableIndex, options: ChangeOptions): Promise<boolean> {
  const noted = await session.query(
    `insert into treadle.dropped_indexes (index_name, table_name, definition, reason, bytes)
     select f.index_name, f.table_name, f.definition, $3, f.bytes
     from treadle.index_facts() f
     where f.index_name = $1 and f.definition = $2
     on conflict (index_name) do update
     set definition = excluded.definition, reason = excluded.reason, bytes = excluded.bytes,
       dropped_at = excluded.dropped_at
     returning index_name`,
    [index.index_name, index.definition, index.reason],
  );
  if (noted.length === 0) return false;
  await session.change(index, options, dropStatement(index.index_name));
  return true;
}

async function restoreOne(session: Session, index: DroppedIndex, options: ChangeOptions): Promise<boolean> {
  if (index.is_valid === false) await session.change(index, options, dropStatement(index.index_name));
  if (index.is_valid !== true) await session.change(index, options, createStatement(index));
  const forgotten = await session.query(
    `delete from treadle.dropped_indexes d
     using treadle.index_facts() f
     where d.index_name = $1 and f.index_name = d.index_name and f.is_valid and f.definition = d.definition
     returning d.index_name`,
    [index.index_name],
  );
  return forgotten.length > 0;
}

const dropStatement = (name: string): string =>
  `drop index concurrently if exists public."${name.replaceAll('"', '""')}"`;

const createStatement = ({ definition }: DroppedIndex): string =>
  definition.replace(/^CREATE INDEX /, 'create index concurrently ');

/** A connection on which only one process at a time changes indexes. */
interface Session extends Executor {
  /** Runs a statement that waits for others; says who it waited for when that took too long. */
  readonly change: (
    index: Pick<DroppedIndex, 'index_name'>,
    options: ChangeOptions,
    statement: string,
  ) => Promise<void>;
  readonly end: () => Promise<void>;
}

async function openSession(database: Database, options: ChangeOptions): Promise<Session> {
  const client = database.dedicatedClient('treadle tune');
  client.on('error', () => {});
  try {
    await client.connect();
    await prepareSession(client, options);
  } catch (error) {
    await client.end().catch(() => {});
    throw asTreadleError(error);
  }
  const executor = new ClientExecutor(client);
  return {
    query: (text, values) => executor.query(text, values),
    change: (index, within, statement) => change(executor, index, within, statement),
    end: () => client.end(),
  };
}

/**
 * Until the returned function is called, no other run tunes this database.
 * @throws TreadleError `database_error` when another one does for longer than that.
 */
export async function alone(database: Database, options: ChangeOptions): Promise<() => Promise<void>> {
  const session = await openSession(database, options);
  return () => session.end();
}

async function prepareSession(client: pg.Client, { lockTimeoutSeconds }: ChangeOptions): Promise<void> {
  if (!(await ownsSession(client))) {
    throw new TreadleError(
      'invalid_config',
      'DATABASE_URL leads to a pooler that hands connections out per transaction: expected one that leads to Postgres itself',
    );
  }
  await client.query(`set statement_timeout = 0; set lock_timeout = ${Math.ceil(lockTimeoutSeconds * 1000)}`);
  // a server whose client was killed shall not go on alone; not every platform can tell
  await client.query('set client_connection_check_interval = 1000').catch(() => {});
  await client
    .query(`select pg_advisory_lock(hashtextextended('treadle.tune', 0))`)
    .catch((error: unknown) => {
      if (!isLockTimeout(error)) throw error;
      throw new TreadleError('database_error', 'another "treadle tune" is at work on this database', {
        cause: error,
      });
    });
}

async function change(
  db: Executor,
  { index_name }: Pick<DroppedIndex, 'index_name'>,
  { lockTimeoutSeconds }: ChangeOptions,
  statement: string,
): Promise<void> {
  try {
    await db.query(statement);
  } catch (error) {
    if (!(error instanceof TreadleError) || !isLockTimeout(error.cause)) throw error;
    throw new TreadleError(
      'database_error',
      `${index_name}: waited ${lockTimeoutSeconds} s for transactions of others${await oldestTransaction(db)}; ` +
        'let them end and run it again, or give it more time with --lock-timeout',
      { cause: error, details: { index_name, sqlstate: LOCK_TIMEOUT } },
    );
  }
}

/** Who most likely was in the way. */
async function oldestTransaction(db: Executor): Promise<string> {
  const [found] = await db.query<{ pid: number; application_name: string; seconds: number }>(
    `select a.pid, a.application_name, extract(epoch from clock_timestamp() - a.xact_start)::float8 as seconds
     from pg_stat_activity a
     where a.datname = current_database() and a.xact_start is not null and a.pid <> pg_backend_pid()
     order by a.xact_start
     limit 1`,
  );
  if (!found) return '';
  return ` (process ${found.pid}, "${found.application_name}", has one open for ${Math.round(found.seconds)} s)`;
}

function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === LOCK_TIMEOUT;
}
