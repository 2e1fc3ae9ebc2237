// What the figures were taken on. A number without its machine says nothing.
import { cpus, loadavg, totalmem } from 'node:os';
import manifest from '../package.json' with { type: 'json' };
import type { Executor } from '../sql/database.ts';

export interface Machine {
  /** The version of Treadle. */
  readonly treadle: string;
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
  readonly max_wal_size: string;
  /** ISO-8601. */
  readonly measured_at: string;
}

/** `db`: of the server that is measured; without one the benchmark needs no Postgres. */
export async function describeMachine(db: Executor | undefined): Promise<Machine> {
  return {
    treadle: manifest.version,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    node: process.versions.node,
    ...(db ? await settingsOf(db) : NO_SERVER),
    measured_at: new Date().toISOString(),
  };
}

/** In one line, for below a figure. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, memory_gb, node, postgres, fsync, synchronous_commit, measured_at } = machine;
  const server = `Postgres ${postgres} on the same machine, fsync ${fsync}, synchronous_commit ${synchronous_commit}`;
  const day = measured_at.slice(0, 10);
  return `${cpu}, ${cores} cores, ${memory_gb} GB, Node ${node}${postgres === 'none' ? '' : `, ${server}`}, ${day}.`;
}

const SETTINGS = ['fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size'] as const;
type Settings = Pick<Machine, 'postgres' | (typeof SETTINGS)[number]>;

const NO_SERVER: Settings = {
  postgres: 'none',
  fsync: 'none',
  synchronous_commit: 'none',
  shared_buffers: 'none',
  max_wal_size: 'none',
};

async function settingsOf(db: Executor): Promise<Settings> {
  const settings = SETTINGS.map((name) => `current_setting('${name}') as ${name}`);
  const [row] = await db.query<Settings>(
    `select current_setting('server_version') as postgres, ${settings.join(', ')}`,
  );
  if (!row) throw new Error('the server did not say what it is');
  return row;
}
