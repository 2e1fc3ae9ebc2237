// Databases for tests. `testDatabase()` at the top of a file gives it a migrated one of its own, gone when it ends.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, inject, onTestFinished } from 'vitest';
import { Database } from '../../sql/database.ts';
import { connect } from '../../sql/server/connection.ts';
import { urlOfDatabase } from './template.ts';

export interface TestDatabase {
  readonly url: string;
  readonly database: Database;
  /** Closes the pool and removes the database, whoever is still connected. */
  readonly drop: () => Promise<void>;
}

/** A migrated database: a clone of the template, made in some ten milliseconds. The caller drops it. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { template, failure } = inject('postgres');
  if (template === undefined) throw new Error(`there is no template database: ${failure}`);
  return createFrom(template);
}

/** A database with nothing in it, for what migrates by itself. The caller drops it. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return createFrom('template0');
}

/** A copy of a database that a test file has made, to which nobody is connected any more. The caller drops it. */
export async function copyOf({ url, database }: TestDatabase): Promise<TestDatabase> {
  if (!database.pool.ended) await database.close();
  return createFrom(new URL(url).pathname.slice(1));
}

/** One migrated database for all tests of the calling file. Read its properties inside tests and hooks. */
export function testDatabase(): Pick<TestDatabase, 'url' | 'database'> {
  let made: TestDatabase | undefined;
  beforeAll(async () => {
    made = await createTestDatabase();
  });
  afterAll(async () => made?.drop());
  const current = (): TestDatabase => {
    if (made === undefined) throw new Error('the test database exists inside tests and hooks only');
    return made;
  };
  return {
    get url() {
      return current().url;
    },
    get database() {
      return current().database;
    },
  };
}

/** An application's own pool for a test: plain node-postgres with one connection, none of our settings. */
export function applicationPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on('error', () => {}); // end() does not wait for connections: the drop of the database may break them first
  onTestFinished(() => pool.end());
  return pool;
}

async function createFrom(template: string): Promise<TestDatabase> {
  const name = `treadle_test_${randomBytes(8).toString('hex')}`;
  const server = inject('postgres');
  // under the run's settings nothing of a copy by files is logged, which halves its time
  const strategy = Number.parseInt(server.version, 10) >= 15 ? 'strategy file_copy' : '';
  await administer(`create database ${name} encoding 'UTF8' template ${template} ${strategy}`);
  const url = urlOfDatabase(server.url, name);
  const database = new Database({ url, applicationName: 'treadle test' });
  const drop = async () => {
    if (!database.pool.ended) await database.close();
    await administer(`drop database if exists ${name} with (force)`);
  };
  return { url, database, drop };
}

async function administer(statement: string): Promise<void> {
  const client = await connect(inject('postgres').url, 'treadle test administration');
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
