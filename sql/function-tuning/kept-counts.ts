// The counts of tasks and steps by state (docs/decisions/0013) in an adopted database: their triggers, table by table and each table for a
// moment, then the first count, while everything runs. Until the last trigger is there nothing is counted, and without it nothing is
// believed: in whatever state a run was killed, answers are right.
import type { Database, Executor } from '../database.ts';
import { recountStates } from '../sweep.ts';
import { withBriefLock, type BriefLock, type Patience } from './brief-locks.ts';

export interface KeptCounts {
  /** How many of the triggers are there, and how many there are in a database that keeps counts. */
  readonly triggers: number;
  readonly of: number;
  /** When all rows were last counted; null: never. */
  readonly counted_at: Date | null;
}

export interface TableLock extends BriefLock {
  readonly table_name: string;
}

interface CountTrigger {
  readonly table_name: string;
  readonly trigger_name: string;
  readonly is_there: boolean;
  readonly statement: string;
}

export async function keptCounts(db: Executor): Promise<KeptCounts> {
  const [row] = await db.query<KeptCounts>(
    `select count(*) filter (where is_there) as triggers, count(*) as of,
       (
         select case when bool_and(k.counted_at is not null) then min(k.counted_at) end
         from treadle.state_counts k
         where k.state = 'total'
       ) as counted_at
     from treadle.count_triggers()`,
  );
  return row ?? { triggers: 0, of: 0, counted_at: null };
}

export const areKept = ({ triggers, of, counted_at }: KeptCounts): boolean =>
  triggers === of && counted_at !== null;

/** The triggers of one table after the other. Whoever stops asking stops it; what is done is done. */
export async function* makeCountTriggers(database: Database, patience: Patience): AsyncGenerator<TableLock> {
  for (const table of await tables(database)) {
    // oxlint-disable-next-line no-await-in-loop -- one table at a time is locked
    const lock = await withBriefLock(database, table, patience, async (tx, begin) => {
      await begin();
      await tx.query(`lock table only public.${table} in share row exclusive mode`);
      const missing = (await triggersOf(tx, table)).filter(({ is_there }) => !is_there);
      for (const { statement } of missing) await tx.query(statement);
    });
    if (lock === undefined) return;
    yield { ...lock, table_name: table };
  }
}

/** Counts all tasks and steps, in one snapshot: some tenths of a second for a million steps, and no writer waits. */
export async function countFirst(database: Database): Promise<void> {
  await recountStates(database, 0);
}

/** The same back. The numbers go in the transaction of the first trigger: nobody believes what is not kept any more. */
export async function* removeCountTriggers(
  database: Database,
  patience: Patience,
): AsyncGenerator<TableLock> {
  for (const table of await tables(database)) {
    // oxlint-disable-next-line no-await-in-loop -- one table at a time is locked
    const lock = await withBriefLock(database, table, patience, async (tx, begin) => {
      await begin();
      await tx.query(`update treadle.state_counts set counted_at = null where state = 'total'`);
      const there = (await triggersOf(tx, table)).filter(({ is_there }) => is_there);
      for (const { trigger_name } of there) await tx.query(`drop trigger ${trigger_name} on public.${table}`);
    });
    if (lock === undefined) return;
    yield { ...lock, table_name: table };
  }
}

async function tables(db: Executor): Promise<string[]> {
  const rows = await db.query<{ table_name: string }>(
    'select distinct table_name from treadle.count_triggers() order by table_name',
  );
  return rows.map(({ table_name }) => table_name);
}

async function triggersOf(tx: Executor, table: string): Promise<CountTrigger[]> {
  return tx.query('select * from treadle.count_triggers() where table_name = $1', [table]);
}
