// The view and the functions that a Rails app has in `public`, beside ours of the same names: which of them can be replaced so that
// dependants and grants stay and the answer has the same columns, and why the others cannot. Reads only.
import { compareCatalog, railsCatalog, readCatalog, type Catalog } from '../catalog.ts';
import type { Executor } from '../database.ts';
import { readRoutines, routinesHash, type RoutineFile } from '../routines.ts';

/** One as treadle.public_definitions tells of it. */
export interface Definition {
  readonly object_name: string;
  readonly kind: 'function' | 'view';
  readonly signature: string;
  readonly definition: string;
  readonly owner: string;
  readonly grants: string | null;
  readonly comment: string | null;
  readonly peculiarity: string | null;
  readonly refusal: string | null;
}

/** What was there before ours, as a row of treadle.replaced_definitions keeps it. */
export interface ReplacedDefinition extends Omit<Definition, 'peculiarity' | 'refusal'> {
  /** What Postgres printed of ours. */
  readonly ours: string;
  /** False: by another major version, which may print the same differently. */
  readonly is_comparable: boolean;
  readonly source_hash: string;
  readonly replaced_at: Date;
}

/** One of ours, which migrate installs where Treadle made the database. */
export interface OurObject {
  readonly object_name: string;
  readonly file: RoutineFile;
  readonly source_hash: string;
}

/** `replace`: can be. `ours`: was. `left`: stays as it is, and `why` says for what reason. */
export type Verdict =
  | { readonly verdict: 'replace'; readonly found: Definition }
  | { readonly verdict: 'ours' }
  | { readonly verdict: 'left'; readonly why: string };
export type JudgedObject = OurObject & Verdict;

/** `reports`: only those that people ask. The others tell the Rails engine too what to run. */
export type FunctionLevel = 'reports' | 'all';

/** Those that the Rails engine decides by. */
const DECIDING = /^(get_step_readiness_status|get_task_execution_context|calculate_dependency_levels)/;

export async function judgeObjects(db: Executor, level: FunctionLevel): Promise<JudgedObject[]> {
  const objects = objectsOf(await readRoutines()).filter(
    ({ object_name }) => level === 'all' || !DECIDING.test(object_name),
  );
  const names = objects.map(({ object_name }) => object_name);
  const evidence = {
    found: await publicDefinitions(db, names),
    replaced: await replacedDefinitions(db),
    rails: await railsCatalog(),
    actual: await readCatalog(db),
  };
  return objects.map((object) => ({ ...object, ...judge(object, evidence) }));
}

/** Those of the files that define something in `public`; the view first. */
export function objectsOf(routines: readonly RoutineFile[]): OurObject[] {
  return routines.flatMap((file) =>
    file.defines
      .filter(({ schema }) => schema === 'public')
      .map(({ name }) => ({ object_name: name, file, source_hash: routinesHash([file]) })),
  );
}

export async function publicDefinitions(db: Executor, names: readonly string[]): Promise<Definition[]> {
  return db.query('select * from treadle.public_definitions($1) order by object_name, signature', [names]);
}

/** Those that have been replaced and not restored; none before the migration that keeps them. */
export async function replacedDefinitions(db: Executor): Promise<ReplacedDefinition[]> {
  const [row] = await db.query<{ there: boolean }>(
    `select to_regclass('treadle.replaced_definitions') is not null as there`,
  );
  if (row?.there !== true) return [];
  return db.query(
    `select r.*, r.server_version = current_setting('server_version_num')::integer / 10000 as is_comparable
     from treadle.replaced_definitions r
     order by r.kind desc, r.object_name`,
  );
}

/** Whether what is there is still what took the place of the one that is kept. */
export const isOurs = (found: Definition, { ours, is_comparable }: ReplacedDefinition): boolean =>
  found.definition === ours || !is_comparable;

interface Evidence {
  readonly found: readonly Definition[];
  readonly replaced: readonly ReplacedDefinition[];
  readonly rails: Catalog;
  readonly actual: Catalog;
}

function judge(object: OurObject, { found, replaced, rails, actual }: Evidence): Verdict {
  const [one, ...others] = found.filter(({ object_name }) => object_name === object.object_name);
  if (one === undefined) return { verdict: 'left', why: 'there is none here' };
  if (others.length > 0) return { verdict: 'left', why: `there are ${others.length + 1} of this name` };
  const kept = replaced.find(({ object_name }) => object_name === object.object_name);
  if (kept !== undefined && isOurs(one, kept)) return { verdict: 'ours' };
  if (hasBodyOf(object.file, one))
    return { verdict: 'left', why: "it is Treadle's already, and what was there before is not known" };
  const [difference] = compareCatalog(only(object.object_name, rails), actual).differences;
  const why = difference ?? one.peculiarity ?? one.refusal;
  return why === null ? { verdict: 'replace', found: one } : { verdict: 'left', why };
}

/** Ours have the signatures of the Rails engine (a test compares them), so that these tell both whether one is as in Rails. */
function only(name: string, { views, functions }: Catalog): Catalog {
  return {
    tables: {},
    views: Object.fromEntries(Object.entries(views).filter(([view]) => view === name)),
    functions: functions.filter((routine) => routine.name === name),
  };
}

/** Postgres keeps the body of a function as it was written. */
function hasBodyOf({ text }: RoutineFile, { kind, definition }: Definition): boolean {
  const [, body] = /\$\$([^]+)\$\$/.exec(text) ?? [];
  return kind === 'function' && body !== undefined && definition.includes(body);
}
