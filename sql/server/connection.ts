// The few statements that the launcher itself needs: is somebody there, which version, make the database, count users.
import pg from 'pg';

/** Connections that keep a shared server running carry this name in pg_stat_activity. */
export const LEASE = 'treadle lease';
const CONNECT_TIMEOUT_MS = 10_000;

/** One connection outside any pool. The caller ends it. Rejects with the driver's error. */
export async function connect(url: string, applicationName = 'treadle launcher'): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => {}); // a server that goes away is noticed by whoever works on it
  await client.connect();
  return client;
}

/** What the server calls itself, for example `18.4`. */
export async function serverVersion(url: string): Promise<string> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]?.server_version ?? 'unknown';
  } finally {
    await client.end();
  }
}

const DUPLICATE_DATABASE = '42P04';
const UNIQUE_VIOLATION = '23505'; // the same, when two create it at once

/** Creates the database when it is missing: UTF8, from template0, so that nothing of the system leaks into it. */
export async function ensureDatabase(client: pg.Client, name: string): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
  if (rowCount) return;
  try {
    await client.query(`create database ${client.escapeIdentifier(name)} encoding 'UTF8' template template0`);
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    if (code !== DUPLICATE_DATABASE && code !== UNIQUE_VIOLATION) throw error;
  }
}

/** How many others hold a lease on this server. None when it is gone. */
export async function countOtherLeases(lease: pg.Client): Promise<number> {
  try {
    const { rows } = await lease.query<{ others: number }>(
      `select count(*)::int as others
         from pg_stat_activity
        where application_name = $1
          and pid <> pg_backend_pid()`,
      [LEASE],
    );
    return rows[0]?.others ?? 0;
  } catch {
    return 0;
  }
}
