// What `treadle tune indexes` would drop in this database, and why. Judged by the list of dispensable indexes, what is there,
// and how it was used. Reads only; sql/index-changes.ts does it.
import { railsCatalog, readCatalog, sameIndex, type Catalog } from './catalog.ts';
import type { Executor } from './database.ts';
import { DISPENSABLE, type Dispensable, type Reason } from './dispensable-indexes.ts';

/** `duplicates`: exact ones and prefixes of others. `all`: also what no query uses. */
export type TuningLevel = 'duplicates' | 'all';

/** An index of the Rails tables as treadle.index_facts() tells of it. */
export interface IndexFacts {
  readonly index_name: string;
  readonly table_name: string;
  readonly definition: string;
  readonly bytes: number;
  readonly scans: number;
  /** Written since the statistics began, at least. */
  readonly entries: number;
  /** Its scans only counted the table, for which any index will do. */
  readonly is_counted: boolean;
  /** False: being built or dropped, or left over when that was broken off. Written to, and never read. */
  readonly is_valid: boolean;
  readonly is_plain: boolean;
}

export interface DroppableIndex extends IndexFacts {
  readonly reason: Reason | 'leftover';
  /** The reason in words. */
  readonly why: string;
}

export interface KeptIndex extends IndexFacts {
  readonly why: string;
}

/** Of all indexes of the Rails tables. */
interface Totals {
  readonly indexes: number;
  readonly bytes: number;
  readonly entries: number;
}

export interface TuningPlan {
  /** When the statistics began; null when nobody has ever reset them. */
  readonly since: Date | null;
  readonly drop: readonly DroppableIndex[];
  /** Dispensable ones that stay here all the same. */
  readonly keep: readonly KeptIndex[];
  readonly total: Totals;
}

export interface DroppedIndex {
  readonly index_name: string;
  readonly table_name: string;
  readonly definition: string;
  readonly bytes: number;
  readonly dropped_at: Date;
  /** Null: it is not there. False: half dropped or half restored. */
  readonly is_valid: boolean | null;
}

export async function planTuning(db: Executor, level: TuningLevel): Promise<TuningPlan> {
  const facts = await db.query<IndexFacts>(
    'select * from treadle.index_facts() order by table_name, index_name',
  );
  const dropped = await droppedIndexes(db);
  const [row] = await db.query<{ since: Date | null }>(
    'select stats_reset as since from pg_stat_database where datname = current_database()',
  );
  const judged = judge({
    level,
    facts,
    asInRails: await indexesAsInRails(db),
    dropped: new Set(dropped.map((index) => index.index_name)),
  });
  return { since: row?.since ?? null, ...judged, total: totalsOf(facts) };
}

/** Those that were dropped, and have not been restored. */
export async function droppedIndexes(db: Executor): Promise<DroppedIndex[]> {
  return db.query(
    `select d.index_name, d.table_name, d.definition, d.bytes, d.dropped_at, f.is_valid
     from treadle.dropped_indexes d
     left join treadle.index_facts() f on f.index_name = d.index_name
     order by d.table_name, d.index_name`,
  );
}

export function totalsOf(indexes: readonly IndexFacts[]): Totals {
  const sum = (pick: (index: IndexFacts) => number): number =>
    indexes.reduce((total, index) => total + pick(index), 0);
  return { indexes: indexes.length, bytes: sum((i) => i.bytes), entries: sum((i) => i.entries) };
}

interface Evidence {
  readonly level: TuningLevel;
  readonly facts: readonly IndexFacts[];
  /** Names of indexes that are here exactly as the Rails engine makes them. */
  readonly asInRails: ReadonlySet<string>;
  /** Names of indexes that an earlier run has begun to drop. */
  readonly dropped: ReadonlySet<string>;
}

/** Each dispensable index that is here either goes or stays. */
function judge(evidence: Evidence): Pick<TuningPlan, 'drop' | 'keep'> {
  const byName = new Map(evidence.facts.map((index) => [index.index_name, index]));
  const drop: DroppableIndex[] = [];
  const keep: KeptIndex[] = [];
  for (const [name, dispensable] of DISPENSABLE) {
    const index = byName.get(name);
    if (!index) continue;
    const stays = (other: string): boolean =>
      evidence.asInRails.has(other) && !drop.some((going) => going.index_name === other);
    const verdict = judgeOne(index, dispensable, evidence, stays);
    if (verdict === undefined) continue;
    if ('reason' in verdict) drop.push({ ...index, ...verdict });
    else keep.push({ ...index, ...verdict });
  }
  return { drop, keep };
}

type Verdict = Pick<DroppableIndex, 'reason' | 'why'> | Pick<KeptIndex, 'why'>;

/** Undefined: this level does not ask. */
function judgeOne(
  index: IndexFacts,
  { reason, instead }: Dispensable,
  { level, asInRails, dropped }: Evidence,
  stays: (other: string) => boolean,
): Verdict | undefined {
  if (!index.is_valid) {
    return dropped.has(index.index_name)
      ? { reason: 'leftover', why: 'left over when it was dropped or restored' }
      : { why: 'somebody is building it, or has broken that off' };
  }
  if (!asInRails.has(index.index_name) || !index.is_plain)
    return { why: "it is not as in the Rails engine's schema" };
  const answered = instead !== undefined && stays(instead);
  if (answered && reason === 'duplicate') return { reason, why: `the same as ${instead}` };
  if (answered && reason === 'prefix') return { reason, why: `${instead} begins with it` };
  if (level === 'duplicates') return undefined;
  if (reason === 'empty') return { reason, why: 'no row ever matches it' };
  if (answered) return { reason: 'unused', why: `no query needs more than ${instead} gives` };
  if (index.scans > 0 && !index.is_counted) return { why: `somebody uses it: ${index.scans} scans` };
  return { reason: 'unused', why: 'no query of either engine uses it' };
}

async function indexesAsInRails(db: Executor): Promise<Set<string>> {
  const [rails, actual] = [await railsCatalog(), await readCatalog(db)];
  const there = namedIndexes(actual);
  const same = [...namedIndexes(rails)].filter(([name, index]) => {
    const found = there.get(name);
    return found !== undefined && sameIndex(index, found);
  });
  return new Set(same.map(([name]) => name));
}

function namedIndexes({ tables }: Catalog): Map<string, Catalog['tables'][string]['indexes'][number]> {
  return new Map(
    Object.values(tables).flatMap(({ indexes }) => indexes.map((index) => [index.name, index] as const)),
  );
}
