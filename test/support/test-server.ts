// The Postgres that a test run works on: DATABASE_URL's, else a container when a docker daemon answers at once, else the
// embedded one on a cluster of its own, which a crash may take (fsync off). TREADLE_TEST_DATA is another folder for that cluster: CI
// gives one in memory, where a clone of the template database takes half the time.
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { resolvePostgres, type PostgresServer } from '../../sql/server/resolve.ts';

const SETTINGS = [
  'max_connections=200',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
  'wal_level=minimal', // a clone of the template database is then copied as files and not logged
  'max_wal_senders=0',
];
const FLAGS = SETTINGS.flatMap((setting) => ['-c', setting]);
const IMAGE = 'postgres:18';
const PING_MS = 500;

/** The caller stops it. */
export async function testServer(onProgress: (line: string) => void): Promise<PostgresServer> {
  const databaseUrl = process.env['DATABASE_URL'];
  const container = databaseUrl ? undefined : await dockerServer(onProgress);
  return (
    container ??
    (await resolvePostgres({
      databaseUrl,
      dataDir: process.env['TREADLE_TEST_DATA'] ?? join('.treadle', 'test'),
      postgresFlags: FLAGS,
      onProgress,
    }))
  );
}

async function dockerServer(onProgress: (line: string) => void): Promise<PostgresServer | undefined> {
  if (!(await dockerAnswers())) return undefined;
  onProgress(`docker answers: starting ${IMAGE}`);
  try {
    // heavy, and only of use here
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const container = await new PostgreSqlContainer(IMAGE).withCommand(['postgres', ...FLAGS]).start();
    const stop = async () => void (await container.stop());
    return { url: container.getConnectionUri(), source: 'docker', version: '18', home: undefined, stop };
  } catch (error) {
    onProgress(`no container: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Asks the daemon itself: where none listens this fails within a millisecond, unlike the docker client. */
function dockerAnswers(): Promise<boolean> {
  const host = process.env['DOCKER_HOST'];
  const socketPath = host?.startsWith('unix://') ? host.slice('unix://'.length) : localSocket();
  const url = host && /^(tcp|http):/.test(host) ? `${host.replace(/^tcp:/, 'http:')}/_ping` : undefined;
  if (url === undefined && (socketPath === undefined || !existsSync(socketPath)))
    return Promise.resolve(false);
  return new Promise((resolve) => {
    const ping = url ? request(url) : request({ socketPath, path: '/_ping' });
    ping.setTimeout(PING_MS, () => ping.destroy());
    ping.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once('error', () => resolve(false));
    ping.once('close', () => resolve(false));
    ping.end();
  });
}

function localSocket(): string | undefined {
  return ['/var/run/docker.sock', join(homedir(), '.docker', 'run', 'docker.sock')].find(existsSync);
}
