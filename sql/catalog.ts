// What the Rails engine's part of a database looks like, read from pg_catalog into the shape of rails_catalog.json,
// and how one catalogue differs from another. Reading needs no search path and writes nothing.
import { readFile } from 'node:fs/promises';
import { TreadleError } from '../core/errors.ts';
import type { Executor } from './database.ts';

export interface Column {
  readonly name: string;
  readonly type: string;
  readonly not_null: boolean;
  readonly default: string | null;
}
interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly ref_table: string;
  readonly ref_columns: readonly string[];
  readonly on_delete: string;
  readonly on_update: string;
}
export interface Index {
  readonly name: string;
  readonly unique: boolean;
  readonly method: string;
  readonly keys: readonly string[];
  readonly include: readonly string[];
  readonly predicate: string | null;
}
interface Table {
  readonly kind: string;
  readonly columns: readonly Column[];
  readonly primary_key: { readonly name: string; readonly columns: readonly string[] } | null;
  readonly foreign_keys: readonly ForeignKey[];
  readonly other_constraints: readonly string[];
  readonly indexes: readonly Index[];
  readonly sequences: readonly { readonly name: string; readonly column: string; readonly type: string }[];
}
interface View {
  readonly kind: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}
interface Routine {
  readonly name: string;
  readonly arguments: readonly {
    readonly name: string;
    readonly type: string;
    readonly default: string | null;
  }[];
  readonly returns: string;
  readonly result: readonly { readonly name: string; readonly type: string }[];
  readonly language: string;
  readonly volatility: string;
}
export interface Catalog {
  readonly tables: Readonly<Record<string, Table>>;
  readonly views: Readonly<Record<string, View>>;
  readonly functions: readonly Routine[];
}

/** `differences` break Treadle or a Rails app; `extras` are what an app added to the tables and may keep. */
interface CatalogComparison {
  readonly differences: string[];
  readonly extras: string[];
}

/** The catalogue of the Rails engine 0.1.0, as shipped beside this file. */
export async function railsCatalog(): Promise<Catalog> {
  return JSON.parse(await readFile(new URL('./rails_catalog.json', import.meta.url), 'utf8')) as Catalog;
}

/** Reads what this database has: its `public.tasker_*` tables and views, and the functions in `public`. Writes nothing. */
export async function readCatalog(executor: Executor): Promise<Catalog> {
  const [row] = await executor.query<{ catalog: Catalog }>(
    await readFile(new URL('./catalog.sql', import.meta.url), 'utf8'),
  );
  if (!row) throw new TreadleError('database_error', 'expected the catalogue in one row and no row came');
  return row.catalog;
}

/**
 * Where `actual` is not what `expected` says, one line each. An app may have added columns, indexes and constraints to
 * these tables: they come back as extras, unless they would refuse rows that Treadle writes.
 */
export function compareCatalog(expected: Catalog, actual: Catalog): CatalogComparison {
  const all = new Comparison();
  for (const [name, table] of Object.entries(expected.tables)) {
    const found = actual.tables[name];
    if (found) compareTable(all, name, table, found);
    else all.differ(`table ${name} is missing`);
  }
  for (const [name, view] of Object.entries(expected.views)) {
    const found = actual.views[name];
    if (found) all.expectSame(`view ${name}: columns`, signature(view.columns), signature(found.columns));
    else all.differ(`view ${name} is missing`);
  }
  for (const routine of expected.functions) compareRoutine(all, routine, actual.functions);
  return { differences: all.differences, extras: all.extras };
}

/** Whether two indexes mean the same, however a version of Postgres or a search path prints them. */
export function sameIndex(one: Index, other: Index): boolean {
  return describeIndex(one) === describeIndex(other);
}

class Comparison implements CatalogComparison {
  readonly differences: string[] = [];
  readonly extras: string[] = [];

  differ(line: string): void {
    this.differences.push(line);
  }

  note(line: string): void {
    this.extras.push(line);
  }

  expectSame(where: string, expected: string, found: string): void {
    if (expected !== found) this.differ(`${where}: expected ${expected}, found ${found}`);
  }
}

function compareTable(all: Comparison, table: string, expected: Table, actual: Table): void {
  compareNamed(all, table, 'column', expected.columns, actual.columns, describeColumn, refusesOurInserts);
  compareNamed(all, table, 'index', expected.indexes, actual.indexes, describeIndex);
  compareNamed(all, table, 'foreign key', expected.foreign_keys, actual.foreign_keys, describeForeignKey);
  compareNamed(
    all,
    table,
    'sequence',
    expected.sequences,
    actual.sequences,
    (s) => `${s.type} for ${s.column}`,
  );
  all.expectSame(`${table}: primary key`, describeKey(expected), describeKey(actual));
  for (const extra of actual.other_constraints) {
    if (!expected.other_constraints.includes(extra)) all.note(`${table}: constraint ${extra}`);
  }
}

/** Lines for what is missing, different or more in one list of named things. `breaks` says why an extra one is no mere extra. */
function compareNamed<Thing extends { readonly name: string }>(
  all: Comparison,
  table: string,
  kind: string,
  expected: readonly Thing[],
  actual: readonly Thing[],
  describe: (thing: Thing) => string,
  breaks: (thing: Thing) => string | undefined = () => undefined,
): void {
  const found = new Map(actual.map((thing) => [thing.name, thing]));
  for (const thing of expected) {
    const other = found.get(thing.name);
    found.delete(thing.name);
    const where = kind === 'column' ? `${table}.${thing.name}` : `${table}: ${kind} ${thing.name}`;
    if (other) all.expectSame(where, describe(thing), describe(other));
    else all.differ(`${table}: ${kind} ${thing.name} is missing`);
  }
  for (const extra of found.values()) {
    const reason = breaks(extra);
    const line = `${table}: ${kind} ${extra.name} (${describe(extra)})`;
    if (reason) all.differ(`${line} ${reason}`);
    else all.note(line);
  }
}

function compareRoutine(all: Comparison, expected: Routine, routines: readonly Routine[]): void {
  const found = routines.filter((routine) => routine.name === expected.name);
  if (found.length === 0) all.differ(`function ${expected.name} is missing`);
  for (const routine of found) {
    all.expectSame(`function ${expected.name}`, describeRoutine(expected), describeRoutine(routine));
  }
}

const refusesOurInserts = (column: Column): string | undefined =>
  column.not_null && column.default === null
    ? 'is not null and has no default: rows that leave it out would be refused'
    : undefined;

const describeColumn = (column: Column): string =>
  [
    column.type,
    column.not_null ? 'not null' : '',
    column.default === null ? '' : `default ${plain(column.default)}`,
  ]
    .filter(Boolean)
    .join(' ');

const describeIndex = (index: Index): string =>
  [
    `${index.unique ? 'unique ' : ''}${index.method} (${index.keys.map(plain).join(', ')})`,
    index.include.length > 0 ? `include (${index.include.join(', ')})` : '',
    index.predicate === null ? '' : `where ${plain(index.predicate)}`,
  ]
    .filter(Boolean)
    .join(' ');

const describeForeignKey = (key: ForeignKey): string =>
  `(${key.columns.join(', ')}) to ${key.ref_table} (${key.ref_columns.join(', ')})` +
  ` on delete ${key.on_delete} on update ${key.on_update}`;

const describeKey = ({ primary_key: key }: Table): string =>
  key ? `${key.name} (${key.columns.join(', ')})` : 'none';

const describeRoutine = (routine: Routine): string =>
  `(${signature(routine.arguments)}) returns ${routine.returns} (${signature(routine.result)})` +
  ` ${routine.language} ${routine.volatility}`;

const signature = (
  things: readonly { readonly name: string; readonly type: string; readonly default?: string | null }[],
): string =>
  things
    .map(
      ({ name, type, default: byDefault }) =>
        `${name} ${type}${byDefault ? ` default ${plain(byDefault)}` : ''}`,
    )
    .join(', ');

/** An SQL expression without what versions of Postgres and search paths print differently: schema, casts, brackets, case. */
function plain(expression: string): string {
  return expression
    .replaceAll(/\bpublic\./g, '')
    .replaceAll(/::(character varying|text|regclass|jsonb|json|bigint|integer)(\(\d+\))?(\[\])?/g, '')
    .replaceAll(/[()]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
