// The Postgres of a chaos run: a cluster of its own that can be killed and comes back on the same port.
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { Database } from '../../../sql/database.ts';
import { migrate } from '../../../sql/migrate.ts';
import { isServerOf, readPostmaster } from '../../../sql/server/postmaster.ts';
import { resolvePostgres, type PostgresServer } from '../../../sql/server/resolve.ts';

/** A kill -9 of processes loses nothing that was written to the kernel, so these lose nothing here. */
const SETTINGS = ['fsync=off', 'full_page_writes=off', 'max_connections=120', 'deadlock_timeout=200ms'];

export class ChaosServer {
  readonly #dataDir: string;
  #server: PostgresServer;

  private constructor(dataDir: string, server: PostgresServer) {
    this.#dataDir = dataDir;
    this.#server = server;
  }

  /** A new cluster in this directory, migrated. */
  static async start(directory: string): Promise<ChaosServer> {
    const dataDir = join(directory, 'cluster');
    const server = new ChaosServer(dataDir, await startServer(dataDir));
    const database = new Database({ url: server.url, maxConnections: 1 });
    await migrate(database);
    await database.close();
    return server;
  }

  get url(): string {
    return this.#server.url;
  }

  /** kill -9 of the postmaster. Returns once it is gone or a zombie. */
  async kill(): Promise<void> {
    const data = join(this.#server.home ?? '', 'data');
    const pid = readPostmaster(data)?.pid;
    if (pid === undefined || !isServerOf(data, pid)) return;
    process.kill(pid, 'SIGKILL');
    while (isServerOf(data, pid)) await pause(5);
  }

  async restart(): Promise<void> {
    const { url } = this;
    this.#server = await startServer(this.#dataDir);
    if (this.url !== url) throw new Error('the server came back on another port');
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

function startServer(dataDir: string): Promise<PostgresServer> {
  const postgresFlags = SETTINGS.flatMap((setting) => ['-c', setting]);
  return resolvePostgres({ dataDir, database: 'chaos', postgresFlags });
}
