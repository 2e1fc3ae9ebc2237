// Finds a Postgres for whoever asks: the one that a URL names, else the embedded one, else the system's own binaries on a
// cluster of ours. When there is none, one error says what was tried and what to do.
import { TreadleError } from '../../core/errors.ts';
import { startCluster } from './cluster.ts';
import { serverVersion } from './connection.ts';
import { embeddedBinaries, embeddedPackage } from './embedded.ts';
import { placeOf, type Place } from './place.ts';
import type { Binaries } from './program.ts';
import { systemBinaries, systemDirectories } from './system.ts';

export interface PostgresServer {
  /** Of the database to work in, password included: for connecting, not for showing. */
  readonly url: string;
  readonly source: 'DATABASE_URL' | 'docker' | 'embedded' | 'system';
  /** For example `18.4`. */
  readonly version: string;
  /** Where the cluster keeps its data, log and password; undefined for a server that is not ours. */
  readonly home: string | undefined;
  /**
   * Lets go of the server. One of ours is shared by all processes of the project, and stops with the last of them that
   * lets go; a server that is not ours goes on. A process that ends without this leaves the server to the next one.
   */
  readonly stop: () => Promise<void>;
}

export interface PostgresOptions {
  /** A server that exists. It is used or the call fails: nothing else is tried. */
  readonly databaseUrl?: string | undefined;
  /** Where clusters are kept, for example `.treadle` in the project. Made when missing. */
  readonly dataDir: string;
  /** Created when missing (not on a server named by `databaseUrl`). Default `treadle`. */
  readonly database?: string;
  /** Gets a line whenever something takes a while or is worth knowing. */
  readonly onProgress?: (line: string) => void;
  /** More arguments for `postgres`, for example `['-c', 'fsync=off']`. They count only for a server that this call starts. */
  readonly postgresFlags?: readonly string[];
  /** The npm package with the binaries. Default: the one for this platform. */
  readonly embeddedPackage?: string;
  /** Where to look for `initdb` and `postgres`. Default: the PATH and where distributions put them. */
  readonly systemDirectories?: readonly string[];
}

/**
 * A running Postgres with the database in it.
 * Throws TreadleError `invalid_config` (no URL), `database_unavailable` (the URL's server does not answer) and `no_database`.
 */
export async function resolvePostgres(options: PostgresOptions): Promise<PostgresServer> {
  if (options.databaseUrl) return existingServer(options.databaseUrl);
  const attempts = ['DATABASE_URL: not set'];
  const place = placeFor(options, attempts);
  for (const source of ['embedded', 'system'] as const) {
    const binaries = await binariesOf(source, options, place).catch((error: unknown) => {
      attempts.push(`${source}: ${messageOf(error)}`);
    });
    if (binaries) return ownServer(source, binaries, options, place, attempts);
  }
  throw noDatabase(attempts);
}

async function existingServer(url: string): Promise<PostgresServer> {
  if (!URL.canParse(url)) {
    throw new TreadleError(
      'invalid_config',
      'DATABASE_URL must look like postgres://user:password@host:5432/database, and does not',
    );
  }
  const { host, pathname } = new URL(url);
  try {
    const version = await serverVersion(url);
    return { url, source: 'DATABASE_URL', version, home: undefined, stop: async () => {} };
  } catch (error) {
    const message = `DATABASE_URL names ${host}${pathname}, which cannot be used: ${messageOf(error)}`;
    throw new TreadleError('database_unavailable', message, { cause: error });
  }
}

function placeFor(options: PostgresOptions, attempts: readonly string[]): Place {
  try {
    return placeOf(options.dataDir, options.onProgress ?? (() => {}));
  } catch (error) {
    throw noDatabase([...attempts, `a cluster in ${options.dataDir}: ${messageOf(error)}`], error);
  }
}

function binariesOf(
  source: 'embedded' | 'system',
  options: PostgresOptions,
  place: Place,
): Promise<Binaries> {
  return source === 'embedded'
    ? embeddedBinaries(options.embeddedPackage ?? embeddedPackage(), place)
    : systemBinaries(options.systemDirectories ?? systemDirectories(), place);
}

/** Binaries that run decide: were the next ones tried after a failed start, the data would seem to have vanished. */
async function ownServer(
  source: 'embedded' | 'system',
  binaries: Binaries,
  options: PostgresOptions,
  place: Place,
  attempts: readonly string[],
): Promise<PostgresServer> {
  try {
    const cluster = await startCluster({
      ...place,
      binaries,
      database: options.database ?? 'treadle',
      flags: options.postgresFlags ?? [],
      onProgress: options.onProgress ?? (() => {}),
    });
    return { ...cluster, source, version: binaries.version };
  } catch (error) {
    throw noDatabase([...attempts, `${source}: ${messageOf(error)}`], error);
  }
}

function noDatabase(attempts: readonly string[], cause?: unknown): TreadleError {
  const tried = attempts.map((attempt) => `  ${attempt.replaceAll('\n', '\n    ')}`);
  const advice =
    'Set DATABASE_URL to a Postgres server, or run "npm install" without --omit=optional, or install Postgres on this machine.';
  return new TreadleError('no_database', ['No Postgres could be used. Tried:', ...tried, advice].join('\n'), {
    cause,
    details: { attempts },
  });
}

function messageOf(error: unknown): string {
  // several addresses of one host fail together, and the sum has no message of its own
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
