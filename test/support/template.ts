// The template database that test databases are clones of: empty, migrated, named after a hash of everything that goes
// into it, so that it is made once per change. Runs that share a server are told apart by advisory locks.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { Database } from '../../sql/database.ts';
import { connect, ensureDatabase } from '../../sql/server/connection.ts';

const SOURCES = ['sql', join('engine', 'queue'), 'package-lock.json'];
const NAME = 'treadle_template_';
const RUN = 'treadle test run';
/** Advisory lock class of ours, so that no test's own locks meet it: those live in other databases anyway. */
const LOCKS = 7_283_001;

export interface Template {
  /** Undefined when migrating failed. */
  readonly name: string | undefined;
  readonly failure: string | undefined;
  /** Marks the template and this run as in use until it is ended. */
  readonly session: pg.Client;
}

/** Builds the template unless it exists, and removes what earlier runs left behind. `url` is of any database. */
export async function buildTemplate(url: string, onProgress: (line: string) => void): Promise<Template> {
  const session = await connect(url, RUN);
  const name = NAME + hashOfSources();
  await session.query(`select pg_advisory_lock($1, 0)`, [LOCKS]);
  try {
    await dropLeftovers(session, name);
    await session.query(`select pg_advisory_lock_shared($1, hashtext($2))`, [LOCKS, name]);
    const failure = await makeOnce(session, url, name, onProgress);
    return { name: failure === undefined ? name : undefined, failure, session };
  } finally {
    await session.query(`select pg_advisory_unlock($1, 0)`, [LOCKS]);
  }
}

/** The URL of another database on the same server. */
export function urlOfDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap(filesUnder)) hash.update(file).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

function filesUnder(path: string): string[] {
  if (!existsSync(path)) return [];
  if (path.endsWith('.json')) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.startsWith(join('sql', 'server')))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** Templates that no run holds and, when no other run is alive, databases of runs that were killed. */
async function dropLeftovers(session: pg.Client, current: string): Promise<void> {
  const unheld = await namesOf(
    session,
    `select datname as name
       from pg_database
      where case when starts_with(datname, $1) and datname <> $2
                 then pg_try_advisory_xact_lock($3, hashtext(datname))
            end`,
    [NAME, current, LOCKS],
  );
  const orphaned = await namesOf(
    session,
    `select datname as name
       from pg_database
      where starts_with(datname, 'treadle_test_')
        and not exists (
          select
            from pg_stat_activity
           where application_name = $1
             and pid <> pg_backend_pid()
        )`,
    [RUN],
  );
  for (const name of [...unheld, ...orphaned]) await dropDatabase(session, name);
}

async function namesOf(session: pg.Client, text: string, values: unknown[]): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(text, values);
  return rows.map((row) => row.name);
}

async function dropDatabase(session: pg.Client, name: string): Promise<void> {
  const identifier = session.escapeIdentifier(name);
  await session.query(`alter database ${identifier} is_template false`);
  await session.query(`drop database if exists ${identifier} with (force)`);
}

/** A database that takes no connections is finished: nothing can disturb a clone of it. Returns why there is none. */
async function makeOnce(
  session: pg.Client,
  url: string,
  name: string,
  onProgress: (line: string) => void,
): Promise<string | undefined> {
  const finished = 'select from pg_database where datname = $1 and not datallowconn';
  if ((await session.query(finished, [name])).rowCount) return undefined;
  const started = performance.now();
  await session.query(`drop database if exists ${session.escapeIdentifier(name)} with (force)`);
  await ensureDatabase(session, name);
  try {
    await migrateDatabase(urlOfDatabase(url, name));
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  await session.query(
    `alter database ${session.escapeIdentifier(name)} is_template true allow_connections false`,
  );
  onProgress(`made the template database in ${Math.round(performance.now() - started)} ms`);
  return undefined;
}

async function migrateDatabase(url: string): Promise<void> {
  const { migrate } = await import('../../sql/migrate.ts');
  const database = new Database({ url, maxConnections: 2, applicationName: 'treadle template' });
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
}
