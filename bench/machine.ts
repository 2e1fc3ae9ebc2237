// What the figures were taken on. A number without its machine says nothing.
import { cpus, loadavg, totalmem } from 'node:os';
import type { Executor } from '../sql/database.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  /** Processes that wanted a core when the bench began, averaged over a minute. */
  readonly load: number;
  readonly node: string;
  readonly postgres: string;
  readonly fsync: string;
  readonly synchronous_commit: string;
  readonly shared_buffers: string;
  /** ISO-8601. */
  readonly measured_at: string;
}

/** `db`: of the server that is measured; without one the benchmark needs no Postgres. */
export async function describeMachine(db: Executor | undefined): Promise<Machine> {
  const none = { postgres: 'none', fsync: 'none', synchronous_commit: 'none', shared_buffers: 'none' };
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.versions.node,
    ...(db ? await settingsOf(db) : none),
    measured_at: new Date().toISOString(),
  };
}

type Settings = Pick<Machine, 'postgres' | 'fsync' | 'synchronous_commit' | 'shared_buffers'>;

async function settingsOf(db: Executor): Promise<Settings> {
  const [row] = await db.query<Settings>(
    `select current_setting('server_version') as postgres, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('shared_buffers') as shared_buffers`,
  );
  if (!row) throw new Error('the server did not say what it is');
  return row;
}
