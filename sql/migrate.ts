// Brings a database to what this version of Treadle needs: migrations once, functions and views whenever they changed.
// All of it is one transaction under one advisory lock: two processes do it once, a crash in the middle did nothing.
// A database that a Rails app has migrated is adopted: its tables are verified, and only the schema treadle is added.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { TreadleError } from '../core/errors.ts';
import { compareCatalog, railsCatalog, readCatalog } from './catalog.ts';
import type { Database, Executor } from './database.ts';
import { withoutDispensed } from './dispensable-indexes.ts';
import { renewReplaced, replacedAreCurrent } from './function-tuning/renewal.ts';
import { installRoutines, readRoutines, routinesHash, type RoutineFile } from './routines.ts';

export interface MigrateOptions {
  /** Told what is done, one line at a time, while it is being done (before the commit). */
  readonly onProgress?: (line: string) => void;
  /** The last migration to apply, for who goes on in another transaction: functions are installed by a call without it. */
  readonly through?: string;
  /** Runs in the transaction, right before the first migration. */
  readonly beforeApplying?: (tx: Executor) => Promise<void>;
}

export interface MigrationReport {
  /** Names of the migrations that this call applied, in order. A migration that was adopted is not among them. */
  readonly applied: string[];
  /** How many functions and views this call installed; 0 when none has changed. */
  readonly functionsInstalled: number;
  /** Whether a Rails app owns the tables, its functions and its view, in this database. */
  readonly adopted: boolean;
  /** What the Rails app has added to its tables, one line each. Filled by the call that adopts. */
  readonly extras: string[];
}

export interface MigrationStatus {
  readonly pending: string[];
  readonly applied: string[];
  readonly adopted: boolean;
  /** Applied by a newer version of Treadle: this version does not know them. */
  readonly unknown: string[];
  /** Whether the installed functions and views are those of this version. */
  readonly functionsCurrent: boolean;
}

interface Migration {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** The one migration that a Rails app has already done in its own way. */
const RAILS_SCHEMA = '0001_rails_schema';

const ADOPT_IS_BETTER =
  'note: where an app writes at this moment, "treadle adopt" looks at its rows first and keeps nobody waiting';

/** Any two processes that migrate one database meet at this lock. It ends with the transaction, whatever happens. */
const LOCK = `select pg_advisory_xact_lock(hashtextextended('treadle.migrate', 0))`;

/**
 * Migrates. Safe to call from any number of processes at once, at every start.
 * @throws TreadleError `schema_mismatch` when a Rails app's tables are not those of the Rails engine (each difference is
 * listed), when an applied migration's file has changed, or when a newer Treadle has migrated this database; nothing is
 * written then. `database_error` names the SQL file that failed.
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<MigrationReport> {
  const migrations = await readMigrations();
  const routines = await readRoutines();
  return database.transaction(async (tx) => {
    await tx.query(LOCK);
    // What a file means must not depend on who runs it: every name in it is qualified, or it fails here.
    await tx.query('set local search_path = pg_catalog, pg_temp');
    return migrateInTransaction(tx, migrations, routines, options);
  });
}

/** Where this database stands, without writing or waiting. */
export async function migrationStatus(database: Executor): Promise<MigrationStatus> {
  const migrations = await readMigrations();
  const state = await readState(database);
  const routines = await readRoutines();
  const known = new Set(migrations.map(({ name }) => name));
  return {
    pending: migrations.map(({ name }) => name).filter((name) => !state.checksums.has(name)),
    applied: [...state.checksums.keys()],
    adopted: state.adopted,
    unknown: [...state.checksums.keys()].filter((name) => !known.has(name)),
    functionsCurrent:
      state.functionsHash === routinesHash(ours(routines, state.adopted)) &&
      (!state.adopted || (await replacedAreCurrent(database, routines))),
  };
}

async function migrateInTransaction(
  tx: Executor,
  migrations: readonly Migration[],
  routines: readonly RoutineFile[],
  { onProgress: say = () => {}, through, beforeApplying }: MigrateOptions,
): Promise<MigrationReport> {
  const before = await readState(tx);
  verifyHistory(migrations, before.checksums);
  const extras = await adoptRailsTables(tx, before, say);
  const adopted = before.adopted || extras !== undefined;

  const applied: string[] = [];
  const wanted = migrations.filter(({ name }) => through === undefined || name <= through);
  if (extras !== undefined && through === undefined) say(ADOPT_IS_BETTER);
  await beforeApplying?.(tx);
  for (const migration of wanted) {
    if (before.checksums.has(migration.name)) continue;
    const adopts = extras !== undefined && migration.name === RAILS_SCHEMA;
    if (adopts) {
      await writeSetting(tx, 'adopted', true); // later migrations ask
    } else {
      say(`applying ${migration.name}`);
      await runFile(tx, `migrations/${migration.name}.sql`, migration.text);
      applied.push(migration.name);
    }
    await tx.query('insert into treadle.migrations (name, checksum) values ($1, $2)', [
      migration.name,
      migration.checksum,
    ]);
  }
  if (through !== undefined) return { applied, functionsInstalled: 0, adopted, extras: extras ?? [] };
  const installed = await installChanged(tx, ours(routines, adopted), before.functionsHash, say);
  const renewed = adopted ? await renewReplaced(tx, routines, say) : 0;
  return { applied, functionsInstalled: installed + renewed, adopted, extras: extras ?? [] };
}

/** What the Rails app added, when this call adopts its tables; undefined when there is nothing to adopt. */
async function adoptRailsTables(
  tx: Executor,
  state: State,
  say: (line: string) => void,
): Promise<string[] | undefined> {
  if (state.checksums.has(RAILS_SCHEMA)) return undefined;
  const { tables } = await railsCatalog();
  const actual = await readCatalog(tx);
  if (!Object.keys(tables).some((name) => name in actual.tables)) return undefined;
  say('the tables of the Rails engine are there already: verifying them');
  const expected = withoutDispensed({ tables, views: {}, functions: [] }, actual);
  const { differences, extras } = compareCatalog(expected, actual);
  if (differences.length === 0) return extras;
  throw new TreadleError(
    'schema_mismatch',
    `expected the tables of the Rails engine 0.1.0, found ${differences.length} differences (nothing was written):\n` +
      differences.map((line) => `  ${line}`).join('\n'),
    { details: { differences, extras } },
  );
}

async function installChanged(
  tx: Executor,
  routines: readonly RoutineFile[],
  installedHash: string | undefined,
  say: (line: string) => void,
): Promise<number> {
  const hash = routinesHash(routines);
  if (hash === installedHash) return 0;
  say(`installing functions and views (${routines.length} files)`);
  await installRoutines(tx, routines, runFile);
  await writeSetting(tx, 'functions_hash', hash);
  return routines.reduce((sum, { defines }) => sum + defines.length, 0);
}

/** In an adopted database what lives in `public` belongs to the Rails app; what of it was replaced is renewed by itself. */
function ours(routines: readonly RoutineFile[], adopted: boolean): RoutineFile[] {
  return routines.filter(({ defines }) => !adopted || defines.every(({ schema }) => schema === 'treadle'));
}

function verifyHistory(migrations: readonly Migration[], checksums: ReadonlyMap<string, string>): void {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...checksums.keys()].filter((name) => !known.has(name));
  const changed = migrations.filter(({ name, checksum }) => (checksums.get(name) ?? checksum) !== checksum);
  const problems = [
    ...changed.map(
      ({ name }) => `${name} was applied with another content than sql/migrations/${name}.sql has now`,
    ),
    ...unknown.map((name) => `${name} was applied by a newer Treadle, which this one does not know`),
  ];
  if (problems.length > 0) {
    throw new TreadleError(
      'schema_mismatch',
      `expected the migrations of this version, found: ${problems.join('; ')}. Nothing was written`,
      { details: { changed: changed.map(({ name }) => name), unknown } },
    );
  }
}

interface State {
  readonly checksums: ReadonlyMap<string, string>;
  readonly adopted: boolean;
  readonly functionsHash: string | undefined;
}

async function readState(executor: Executor): Promise<State> {
  const [there] = await executor.query<{ migrated: boolean }>(
    `select to_regclass('treadle.migrations') is not null as migrated`,
  );
  if (!there?.migrated) return { checksums: new Map(), adopted: false, functionsHash: undefined };
  const rows = await executor.query<{ name: string; checksum: string }>(
    'select name, checksum from treadle.migrations order by name',
  );
  const settings = await executor.query<{ key: string; value: unknown }>(
    `select key, value from treadle.settings where key in ('adopted', 'functions_hash')`,
  );
  const setting = new Map(settings.map(({ key, value }) => [key, value]));
  const hash = setting.get('functions_hash');
  return {
    checksums: new Map(rows.map(({ name, checksum }) => [name, checksum])),
    adopted: setting.get('adopted') === true,
    functionsHash: typeof hash === 'string' ? hash : undefined,
  };
}

async function writeSetting(tx: Executor, key: string, value: unknown): Promise<void> {
  await tx.query(
    `
    insert into treadle.settings (key, value)
    values ($1, $2)
    on conflict (key) do update set value = excluded.value`,
    [key, JSON.stringify(value)],
  );
}

/** Runs the statements of one file. The error names the file and the line, and keeps the one of Postgres underneath. */
async function runFile(tx: Executor, file: string, text: string): Promise<void> {
  try {
    await tx.query(text);
  } catch (error) {
    const cause = error instanceof TreadleError ? error.cause : error;
    if (!(cause instanceof Error)) throw error;
    const position = 'position' in cause ? Number(cause.position) : Number.NaN;
    const line = Number.isNaN(position) ? '' : `:${text.slice(0, position).split('\n').length}`;
    throw new TreadleError('database_error', `sql/${file}${line}: ${cause.message}`, { cause });
  }
}

async function readMigrations(): Promise<Migration[]> {
  const folder = new URL('./migrations/', import.meta.url);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).toSorted();
  return Promise.all(
    files.map(async (file) => {
      // a checkout that turned line ends into CRLF holds the same migration
      const text = (await readFile(new URL(file, folder), 'utf8')).replaceAll('\r\n', '\n');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { name: file.slice(0, -'.sql'.length), text, checksum };
    }),
  );
}
