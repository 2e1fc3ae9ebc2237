// How large the tables are and what became of their rows, as Postgres counts it.
import type { Executor } from '../sql/database.ts';

export interface TableSize {
  readonly table: string;
  readonly heap_mb: number;
  readonly indexes_mb: number;
  readonly live_rows: number;
  readonly dead_rows: number;
  /** Since the database was made. */
  readonly writes: number;
  /** Of the updates, those that touched no index. */
  readonly hot_share: number | null;
  readonly autovacuums: number;
  readonly autoanalyzes: number;
}

/** Of all tables of the Rails engine, of Treadle and of the queue; the busiest first. Counts lag by up to a second or so. */
export async function tableSizes(db: Executor): Promise<TableSize[]> {
  return db.query<TableSize>(
    `select schemaname || '.' || relname as table,
       round(pg_relation_size(relid) / 1e6, 2)::float8 as heap_mb,
       round(pg_indexes_size(relid) / 1e6, 2)::float8 as indexes_mb,
       n_live_tup as live_rows,
       n_dead_tup as dead_rows,
       n_tup_ins + n_tup_upd + n_tup_del as writes,
       round(n_tup_hot_upd / nullif(n_tup_upd, 0)::numeric, 2)::float8 as hot_share,
       autovacuum_count as autovacuums,
       autoanalyze_count as autoanalyzes
     from pg_stat_user_tables
     where schemaname in ('public', 'treadle', 'graphile_worker')
     order by writes desc, 1`,
  );
}
