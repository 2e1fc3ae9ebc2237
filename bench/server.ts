// Databases to measure in: a cluster of the bench's own (or DATABASE_URL's server), durable as in production, and a fresh
// migrated database for every run, which goes when the run ends.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Database } from '../sql/database.ts';
import { migrate } from '../sql/migrate.ts';
import { resolvePostgres } from '../sql/server/resolve.ts';

/** Durable, no checkpoint in the middle of a run because of its size, and memory as a server of this size is given. */
const SETTINGS = ['fsync=on', 'synchronous_commit=on', 'max_wal_size=4GB', 'shared_buffers=1GB'];
const FLAGS = SETTINGS.flatMap((setting) => ['-c', setting]);
const CONNECTIONS = 10;

export interface BenchServer {
  /** Of the database from which others are made. */
  readonly admin: Database;
  /** Runs `work` on a fresh migrated database, and removes it whatever happens. */
  readonly withDatabase: <Result>(work: (database: Database) => Promise<Result>) => Promise<Result>;
  /** The same with an empty one, by its URL. */
  readonly withEmptyDatabase: <Result>(work: (url: string) => Promise<Result>) => Promise<Result>;
  readonly stop: () => Promise<void>;
}

/** The caller stops it. Throws what `resolvePostgres` throws. */
export async function startBenchServer(onProgress: (line: string) => void): Promise<BenchServer> {
  const server = await resolvePostgres({
    databaseUrl: process.env['DATABASE_URL'],
    dataDir: join('.treadle', 'bench'),
    postgresFlags: FLAGS,
    onProgress,
  });
  const admin = new Database({ url: server.url, maxConnections: 1, applicationName: 'treadle bench' });
  return {
    admin,
    withDatabase: (work) => withEmptyDatabase(admin, server.url, (url) => withMigrated(url, work)),
    withEmptyDatabase: (work) => withEmptyDatabase(admin, server.url, work),
    stop: async () => {
      await admin.close();
      await server.stop();
    },
  };
}

async function withEmptyDatabase<Result>(
  admin: Database,
  serverUrl: string,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const name = `treadle_bench_${randomBytes(6).toString('hex')}`;
  await admin.query(`create database ${name} encoding 'UTF8' template template0`);
  try {
    return await work(urlOf(serverUrl, name));
  } finally {
    await dropDatabase(admin, name);
  }
}

async function withMigrated<Result>(
  url: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = new Database({ url, maxConnections: CONNECTIONS });
  try {
    await migrate(database);
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Waits a moment for connections that are about to end: cut off, they would end this process too. */
async function dropDatabase(admin: Database, name: string): Promise<void> {
  await admin
    .query(`drop database if exists ${name}`)
    .catch(() => admin.query(`drop database if exists ${name} with (force)`));
}

function urlOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
