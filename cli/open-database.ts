// The Postgres a command works on: DATABASE_URL, else the embedded one that `treadle dev` uses, started when it is not
// running. Whatever a command does with it, it is let go of in the end.
import { readdirSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { TreadleError } from '../core/errors.ts';
import { Database } from '../sql/database.ts';
import { migrationStatus } from '../sql/migrate.ts';
import { resolvePostgres, type PostgresServer } from '../sql/server/resolve.ts';

export interface OpenDatabase {
  readonly database: Database;
  readonly server: PostgresServer;
}

export interface OpenOptions {
  /** Whether an embedded Postgres may be made where there is none. Default: no, for what would be found in it? */
  readonly create?: boolean;
  readonly onProgress?: (line: string) => void;
  readonly maxConnections?: number;
}

/** Opens the database, runs `work`, and closes what was opened however it ends. */
export async function withDatabase<Result>(
  config: Config,
  options: OpenOptions,
  work: (open: OpenDatabase) => Promise<Result>,
): Promise<Result> {
  if (config.databaseUrl === undefined && options.create !== true && !hasEmbeddedCluster(config.dataDir)) {
    throw new TreadleError(
      'no_database',
      `DATABASE_URL is not set, and there is no embedded Postgres in ${config.dataDir}: set it, or run "treadle dev" first`,
    );
  }
  const server = await resolvePostgres({
    databaseUrl: config.databaseUrl,
    dataDir: config.dataDir,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  const database = new Database({ url: server.url, maxConnections: options.maxConnections ?? 5 });
  try {
    return await work({ database, server });
  } finally {
    await database.close();
    await server.stop();
  }
}

/** Whether the embedded Postgres of this project has been made. */
export function hasEmbeddedCluster(dataDir: string): boolean {
  try {
    return readdirSync(dataDir).some((name) => name === 'postgres' || name.startsWith('postgres-'));
  } catch {
    return false;
  }
}

/** Throws `not_migrated` unless this version's tables are there. */
export async function requireMigrated(database: Database): Promise<void> {
  const { pending, applied } = await migrationStatus(database);
  if (pending.length === 0) return;
  const what =
    applied.length === 0
      ? 'this database has not been migrated'
      : `${pending.length} migrations are pending (${pending.join(', ')})`;
  throw notMigrated(what, pending);
}

/** The same, and this version's functions: an engine on those of another version could do wrong. */
export async function requireCurrent(database: Database): Promise<void> {
  await requireMigrated(database);
  const { functionsCurrent } = await migrationStatus(database);
  if (!functionsCurrent)
    throw notMigrated('the installed functions are those of another version of Treadle', []);
}

function notMigrated(what: string, pending: readonly string[]): TreadleError {
  return new TreadleError('not_migrated', `${what}: run "treadle migrate" first`, { details: { pending } });
}

/** A database URL for showing: without its password. */
export function shownUrl(url: string): string {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  return shown.href;
}
