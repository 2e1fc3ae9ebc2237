// Reads a database that the Rails engine has migrated and says whether Treadle can adopt it, what it would meet there and how long that
// would take. One read-only transaction: it changes nothing, needs nothing of ours to exist, and works on a standby.
import { readFile } from 'node:fs/promises';
import { TreadleError } from '../../core/errors.ts';
import { compareCatalog, railsCatalog, readCatalog, type Catalog } from '../catalog.ts';
import type { Database, Executor } from '../database.ts';
import { withoutDispensed } from '../dispensable-indexes.ts';
import { readRoutines } from '../routines.ts';
import { standaloneQuery } from '../standalone.ts';
import { INVARIANTS, LEFT_BEHIND, type Known } from './findings.ts';
import { judgeServer, type Finding, type ServerForAdoption } from './server.ts';

export interface TableSize {
  readonly table_name: string;
  readonly rows_estimated: number;
  readonly table_bytes: number;
  readonly index_bytes: number;
  readonly indexes: number;
}

export interface UnfinishedTasks {
  readonly namespace_name: string;
  readonly task_name: string;
  readonly version: string;
  readonly tasks: number;
  readonly steps: number;
}

export interface AdoptionCheck {
  readonly can_be_adopted: boolean;
  /** Where the tables, the view and the functions are not those of the Rails engine 0.1.0, one line each. */
  readonly differences: readonly string[];
  /** What the app has added and may keep. */
  readonly extras: readonly string[];
  readonly findings: readonly Finding[];
  readonly tables: readonly TableSize[];
  readonly unfinished: readonly UnfinishedTasks[];
  /** How long adoption takes, from what was measured here; null when the rows could not be read. */
  readonly estimated_seconds: number | null;
}

export interface CheckOptions {
  /** What has not moved for so long counts as left behind. */
  readonly leftAfterSeconds: number;
  readonly onProgress?: (line: string) => void;
}

/** The schema and its functions, on a small server. */
const SCHEMA_SECONDS = 2;
/** Adoption writes what it has read; measured by `npm run bench -- adoption`. */
const TIMES_READING = 8;
const SAMPLE_TASKS = 2000;

const RULES = ['broken_trails', 'broken_tasks', 'broken_steps', 'broken_edges'];

/** @throws TreadleError `schema_mismatch` when there is no table of the Rails engine at all. */
export async function checkAdoption(database: Database, options: CheckOptions): Promise<AdoptionCheck> {
  return database.transaction(async (tx) => {
    await tx.query('set transaction isolation level repeatable read, read only');
    return checkInTransaction(tx, options);
  });
}

async function checkInTransaction(tx: Executor, options: CheckOptions): Promise<AdoptionCheck> {
  const say = options.onProgress ?? (() => {});
  say('comparing the tables with those of the Rails engine 0.1.0');
  const actual = await readCatalog(tx);
  const { differences, extras } = await compareWithRails(actual);
  const schema = { differences: [...differences, ...(await otherThanRails(actual))], extras };
  const server = await one<ServerForAdoption>(tx, 'server');
  const tables = await ask<TableSize>(tx, 'tables');
  const readable =
    !differences.some(isAboutColumns) &&
    !server.missing_privileges.some((privilege) => privilege.startsWith('SELECT'));
  const rows = readable ? await examineRows(tx, options, say) : NOTHING_READ;
  const findings = [...schemaFindings(differences), ...judgeServer(server), ...rows.findings];
  const can_be_adopted = findings.every(({ must_mend }) => !must_mend);
  return { can_be_adopted, ...schema, ...rows, findings, tables };
}

type Rows = Pick<AdoptionCheck, 'findings' | 'unfinished' | 'estimated_seconds'>;
const NOTHING_READ: Rows = { findings: [], unfinished: [], estimated_seconds: null };

async function examineRows(
  tx: Executor,
  { leftAfterSeconds }: CheckOptions,
  say: (line: string) => void,
): Promise<Rows> {
  say('reading all rows');
  const broken = await tx.query<Found>(await invariantsQuery());
  const left = await ask<Found>(tx, 'left_behind', [leftAfterSeconds]);
  return {
    findings: [
      ...broken.map((found) => finding(found, INVARIANTS[found.name])),
      ...left.map((found) => finding(found, LEFT_BEHIND[found.name])),
    ].toSorted((one_, other) => Number(other.must_mend) - Number(one_.must_mend)),
    unfinished: await ask<UnfinishedTasks>(tx, 'unfinished'),
    estimated_seconds: await estimateSeconds(tx),
  };
}

/** What was found of one kind, with some ids. */
interface Found {
  readonly name: string;
  readonly subject: 'task' | 'step' | 'edge';
  readonly total: number;
  /** Of those in tasks that have not ended. */
  readonly unfinished: number;
  readonly examples: readonly number[];
  readonly violation?: string;
}

function finding({ violation, ...found }: Found, known: Known | undefined): Finding {
  const { name, total, unfinished, subject, examples } = found;
  const whose = unfinished === total ? '' : `, ${unfinished} of them in unfinished tasks`;
  const shown = `${examples.join(', ')}${total > examples.length ? ', ...' : ''}`;
  const says = known?.says ?? `that break a rule: ${violation ?? name}`;
  return {
    ...found,
    must_mend: known?.must_mend === true && unfinished > 0,
    message: `${total} ${subject}${total === 1 ? '' : 's'} ${says}${whose} (${subject} ${shown})`,
    advice: known?.advice ?? 'Treadle can live with it.',
  };
}

/** The rules of treadle.check_invariants about tables of Rails, counted. */
async function invariantsQuery(): Promise<string> {
  const routines = await readRoutines();
  const queries = RULES.map((name) => standaloneQuery(routines, name, ['null::bigint[]']));
  return `
    select v.invariant as name, v.subject, count(distinct v.subject_id)::integer as total,
      (count(distinct v.subject_id) filter (where not t.complete and coalesce(c.to_state, 'pending') not in ('complete', 'error', 'cancelled', 'resolved_manually')))::integer as unfinished,
      to_jsonb((array_agg(distinct v.subject_id order by v.subject_id))[1:5]) as examples, min(v.violation) as violation
    from (${queries.join('\nunion all\n')}) v
    join public.tasker_tasks t on t.task_id = v.task_id
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    group by v.invariant, v.subject`;
}

async function compareWithRails(actual: Catalog): Promise<{ differences: string[]; extras: string[] }> {
  const { tables } = await railsCatalog();
  if (!Object.keys(tables).some((name) => name in actual.tables)) {
    throw new TreadleError(
      'schema_mismatch',
      'expected the tables of the Rails engine Tasker in schema public, found none: look at DATABASE_URL; "treadle migrate" makes new ones',
    );
  }
  return compareCatalog(withoutDispensed({ tables, views: {}, functions: [] }, actual), actual);
}

/** The view and the functions are the app's: Treadle neither needs nor changes them. */
async function otherThanRails(actual: Catalog): Promise<string[]> {
  const { views, functions } = await railsCatalog();
  const { differences } = compareCatalog({ tables: {}, views, functions }, actual);
  return differences.map((line) => `${line} (left as it is)`);
}

function schemaFindings(differences: readonly string[]): Finding[] {
  if (differences.length === 0) return [];
  const message = `${differences.length} differences between the tables and those of the Rails engine 0.1.0:\n${differences.map((line) => `  ${line}`).join('\n')}`;
  const advice = 'Bring the tables to what the migrations of tasker-engine 0.1.0 make of them.';
  return [{ name: 'schema', must_mend: true, total: differences.length, examples: [], message, advice }];
}

const isAboutColumns = (line: string): boolean =>
  /^table | column \S+ is missing|^\w+\.\w+: expected/.test(line);

async function estimateSeconds(tx: Executor): Promise<number> {
  const startedAt = performance.now();
  const { tasks, all_tasks } = await one<{ tasks: number; all_tasks: number }>(tx, 'sample', [SAMPLE_TASKS]);
  const seconds = (performance.now() - startedAt) / 1000;
  if (tasks === 0) return SCHEMA_SECONDS;
  return Math.ceil(SCHEMA_SECONDS + (seconds / tasks) * all_tasks * TIMES_READING);
}

async function ask<Row extends object>(
  tx: Executor,
  question: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return tx.query<Row>(await readFile(new URL(`./${question}.sql`, import.meta.url), 'utf8'), values);
}

async function one<Row extends object>(
  tx: Executor,
  question: string,
  values?: readonly unknown[],
): Promise<Row> {
  const [row] = await ask<Row>(tx, question, values);
  if (!row)
    throw new TreadleError('database_error', `sql/adoption/${question}.sql: expected one row, none came`);
  return row;
}
