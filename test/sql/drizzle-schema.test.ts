// sql/schema.ts is the mirror of the migrated tables: held to the catalogue of a migrated database.
import { drizzle } from 'drizzle-orm/node-postgres';
import { eq, getTableName, is, SQL } from 'drizzle-orm';
import { getTableConfig, PgTable, type IndexedColumn, type PgColumn } from 'drizzle-orm/pg-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { readCatalog, type Catalog, type Column, type Index } from '../../sql/catalog.ts';
import * as schema from '../../sql/schema.ts';
import { testDatabase } from '../support/postgres.ts';

const test = testDatabase();
const tables = Object.values(schema).filter((value) => is(value, PgTable));

const SQL_TYPES: Record<string, string> = { serial: 'integer', bigserial: 'bigint' };

function columnOf(table: PgTable, column: PgColumn): Column {
  const type = column.getSQLType();
  const sequence = `${getTableName(table)}_${column.name}_seq`;
  return {
    name: column.name,
    type: (SQL_TYPES[type] ?? type)
      .replace('varchar', 'character varying')
      .replace(/^timestamp( \((\d)\))?$/, (_, __, precision: string | undefined) =>
        precision ? `timestamp(${precision}) without time zone` : 'timestamp without time zone',
      ),
    not_null: column.notNull,
    default: type in SQL_TYPES ? `nextval ${sequence}` : plainDefault(column.default, type),
  };
}

function plainDefault(value: unknown, type: string): string | null {
  if (value === undefined) return null;
  return typeof value === 'string' && type !== 'jsonb' ? value : JSON.stringify(value);
}

/** The catalogue's default without quotes and casts; a sequence as its column's own, the one shortened name included. */
function catalogDefault(table: string, column: Column): string | null {
  if (column.default?.startsWith('nextval(')) return `nextval ${table}_${column.name}_seq`;
  return column.default?.replace(/^'(.*)'::.*$/, '$1') ?? null;
}

type MirroredIndex = Omit<Index, 'include' | 'name' | 'keys'> & {
  readonly name?: string | undefined;
  readonly keys: readonly (string | undefined)[];
};

function indexOf({ config }: ReturnType<typeof getTableConfig>['indexes'][number]): MirroredIndex {
  return {
    name: config.name,
    unique: config.unique,
    method: config.method ?? 'btree',
    keys: config.columns.map((column) => {
      if (column instanceof SQL) throw new Error('an expression index has no place in the Rails schema');
      const { name, indexConfig } = column as IndexedColumn;
      return indexConfig.opClass ? `${name} ${indexConfig.opClass}` : name;
    }),
    predicate: config.where ? textOf(config.where) : null,
  };
}

const textOf = (sql: SQL): string =>
  sql.queryChunks
    .map((chunk) => (typeof chunk === 'object' && chunk && 'value' in chunk ? String(chunk.value) : ''))
    .join('');

const plainPredicate = (predicate: string | null): string | null =>
  predicate
    ?.replaceAll(/::(character varying|varchar|text)/g, '')
    .replaceAll(/[()]/g, '')
    .toLowerCase() ?? null;

const byName = <Thing extends { name?: string | undefined }>(things: readonly Thing[]): Thing[] =>
  things.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));

describe('the Drizzle schema', () => {
  let catalog: Catalog;
  beforeAll(async () => {
    catalog = await readCatalog(test.database);
  });

  it('has every table of the migrated database and no other', () => {
    expect(tables.map(getTableName).toSorted()).toEqual(Object.keys(catalog.tables).toSorted());
  });

  it.each(tables.map((table) => ({ name: getTableName(table), table })))(
    'mirrors $name',
    ({ name, table }) => {
      const config = getTableConfig(table);
      const migrated = catalog.tables[name];
      expect(config.columns.map((column) => columnOf(table, column))).toEqual(
        migrated?.columns.map((column) => ({ ...column, default: catalogDefault(name, column) })),
      );
      expect(config.columns.filter((column) => column.primary).map((column) => column.name)).toEqual(
        migrated?.primary_key?.columns,
      );
      expect(byName(config.indexes.map(indexOf)).map(comparableIndex)).toEqual(
        byName(migrated?.indexes ?? []).map(comparableIndex),
      );
      expect(byName(config.foreignKeys.map(foreignKeyOf))).toEqual(migrated?.foreign_keys);
    },
  );

  it('lacks only the included columns of one index, which Drizzle cannot say', () => {
    const covering = Object.values(catalog.tables).flatMap(({ indexes }) =>
      indexes.filter(({ include }) => include.length),
    );
    expect(covering.map(({ name }) => name)).toEqual(['index_workflow_steps_task_covering']);
  });

  it('reads and writes timestamps as UTC, and ids as numbers', async () => {
    const db = drizzle(test.database.pool, { schema });
    const at = new Date('2026-02-03T04:05:06.789Z');
    const types = schema.tasker_annotation_types;
    const [written] = await db
      .insert(types)
      .values({ name: 'note', created_at: at, updated_at: at })
      .returning();
    const [read] = await db.select().from(types).where(eq(types.name, 'note'));
    expect(read).toEqual(written);
    expect(read?.created_at).toEqual(at);
    expect(await test.database.query('select created_at::text from public.tasker_annotation_types')).toEqual([
      { created_at: '2026-02-03 04:05:06.789' },
    ]);
  });
});

/** Without the included columns; the predicate in one spelling. */
const comparableIndex = ({ name, unique, method, keys, predicate }: MirroredIndex) => ({
  name,
  unique,
  method,
  keys,
  predicate: plainPredicate(predicate),
});

function foreignKeyOf(key: ReturnType<typeof getTableConfig>['foreignKeys'][number]) {
  const { columns, foreignTable, foreignColumns } = key.reference();
  return {
    name: key.getName(),
    columns: columns.map((column) => column.name),
    ref_table: getTableName(foreignTable),
    ref_columns: foreignColumns.map((column) => column.name),
    on_delete: (key.onDelete ?? 'no action').toUpperCase(),
    on_update: (key.onUpdate ?? 'no action').toUpperCase(),
  };
}
