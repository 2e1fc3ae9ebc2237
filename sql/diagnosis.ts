// What `treadle doctor` asks Postgres: the server's settings, its clock, how it is pooled, and work that stands still.
import type pg from 'pg';
import type { Executor } from './database.ts';

export interface ServerFacts {
  readonly version: string;
  /** For example 180004. */
  readonly version_number: number;
  readonly database: string;
  readonly encoding: string;
  readonly session_time_zone: string;
  readonly fsync: boolean;
  readonly full_page_writes: boolean;
  readonly synchronous_commit: string;
  readonly max_connections: number;
  readonly connections: number;
  readonly read_only: boolean;
  readonly server_time: Date;
}

export async function serverFacts(db: Executor): Promise<ServerFacts> {
  const [row] = await db.query<ServerFacts>(
    `select current_setting('server_version') as version,
       current_setting('server_version_num')::integer as version_number,
       current_database() as database,
       current_setting('server_encoding') as encoding,
       current_setting('TimeZone') as session_time_zone,
       current_setting('fsync')::boolean as fsync,
       current_setting('full_page_writes')::boolean as full_page_writes,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('max_connections')::integer as max_connections,
       (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
       current_setting('transaction_read_only')::boolean as read_only,
       clock_timestamp() as server_time`,
  );
  if (!row) throw new Error('Postgres returned no row');
  return row;
}

export interface WorkerReport {
  readonly worker_id: number;
  readonly name: string;
  readonly handlers: readonly string[];
  readonly capacity: number;
  readonly started_at: Date;
  readonly heartbeat_at: Date;
  readonly alive: boolean;
  readonly claims: number;
}

export async function listWorkers(db: Executor): Promise<WorkerReport[]> {
  return db.query('select * from treadle.list_workers()');
}

export interface StuckWork {
  readonly kind: 'lost_claims' | 'idle_tasks' | 'no_handler' | 'late_wakeups';
  readonly total: number;
  readonly example_task_id: number;
}

/** What has stood still for longer than this, among the oldest `limit` unfinished tasks. */
export async function stuckWork(db: Executor, patienceSeconds: number, limit: number): Promise<StuckWork[]> {
  return db.query('select * from treadle.stuck_work(make_interval(secs => $1), $2)', [
    patienceSeconds,
    limit,
  ]);
}

export async function hasGraphileWorker(db: Executor): Promise<boolean> {
  const [row] = await db.query<{ there: boolean }>(
    `select to_regclass('graphile_worker.jobs') is not null as there`,
  );
  return row?.there ?? false;
}

/**
 * Whether two clients keep their own server connection between statements. Behind a pooler that hands connections out per
 * transaction the second client, inside a transaction, gets the one on which the first has just worked.
 */
export async function keepsSessions(first: pg.ClientBase, second: pg.ClientBase): Promise<boolean> {
  const before = await backendPid(first);
  await second.query('begin');
  try {
    const other = await backendPid(second);
    return other !== before && (await backendPid(first)) === before;
  } finally {
    await second.query('rollback');
  }
}

async function backendPid(client: pg.ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid;
}
