// The functions and views that migrate installs: one create-or-replace file each, in sql/functions/** and sql/views/.
// Bodies are not checked when they are created, so that the order of the files does not matter. Views come first.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { TreadleError } from '../core/errors.ts';
import type { Executor } from './database.ts';

export interface RoutineFile {
  /** Relative to sql/, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** What the file creates. */
  readonly defines: readonly { readonly kind: string; readonly schema: string; readonly name: string }[];
}

type RunFile = (tx: Executor, file: string, text: string) => Promise<void>;

const DEFINITION = /^create or replace (function|procedure|view)\s+(\w+)\.(\w+)/gm;

/** "cannot change return type" or names of arguments (functions), "cannot change columns" (views): it must be dropped first. */
const MUST_BE_DROPPED = new Set(['42P13', '42P16']);

export async function readRoutines(): Promise<RoutineFile[]> {
  const files = [...(await sqlFiles('views')), ...(await sqlFiles('functions'))];
  return Promise.all(
    files.map(async (path) => {
      const text = (await readFile(new URL(path, import.meta.url), 'utf8')).replaceAll('\r\n', '\n');
      const defines = [...text.matchAll(DEFINITION)].map(([, kind = '', schema = '', name = '']) => ({
        kind,
        schema,
        name,
      }));
      if (defines.length === 0) {
        throw new TreadleError(
          'database_error',
          `sql/${path}: expected "create or replace function|procedure|view <schema>.<name>" and found none`,
        );
      }
      return { path, text, defines };
    }),
  );
}

/** Changes when any of the files does. */
export function routinesHash(files: readonly RoutineFile[]): string {
  const hash = createHash('sha256');
  for (const { path, text } of files) hash.update(`${path}\0${text}\0`);
  return hash.digest('hex');
}

/** Installs every file, and drops those versions of the schema treadle's functions that have other arguments now. */
export async function installRoutines(
  tx: Executor,
  files: readonly RoutineFile[],
  runFile: RunFile,
): Promise<void> {
  await tx.query('set local check_function_bodies = off');
  for (const file of files) {
    await tx.query('savepoint install_file');
    try {
      await runFile(tx, file.path, file.text);
    } catch (error) {
      if (!mustBeDropped(error)) throw error;
      await tx.query('rollback to savepoint install_file');
      await dropOurs(tx, file);
      await runFile(tx, file.path, file.text);
    }
    await tx.query('release savepoint install_file');
  }
  await dropOverloads(tx, files);
}

function mustBeDropped(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && MUST_BE_DROPPED.has(String(cause.code));
}

/** Never cascades: what still uses the old form makes the migration fail rather than vanish. */
async function dropOurs(tx: Executor, file: RoutineFile): Promise<void> {
  for (const { kind, schema, name } of file.defines) {
    if (schema !== 'treadle') continue;
    if (kind === 'view') await tx.query(`drop view if exists treadle.${name}`);
    else await dropRoutines(tx, [name], 'true');
  }
}

/** A function whose arguments changed stays beside its new form and makes calls ambiguous: drop what we did not just write. */
async function dropOverloads(tx: Executor, files: readonly RoutineFile[]): Promise<void> {
  const names = files
    .flatMap(({ defines }) => defines)
    .filter(({ kind, schema }) => kind !== 'view' && schema === 'treadle')
    .map(({ name }) => name);
  // savepoints write with xids of their own, all younger than the transaction's
  await dropRoutines(tx, names, 'age(p.xmin) > age(pg_current_xact_id()::xid)');
}

async function dropRoutines(tx: Executor, names: readonly string[], condition: string): Promise<void> {
  const found = await tx.query<{ signature: string }>(
    `
    select format('%I.%I(%s)', 'treadle', p.proname, pg_get_function_identity_arguments(p.oid)) as signature
    from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'treadle'
      and p.proname = any ($1)
      and ${condition}`,
    [names],
  );
  for (const { signature } of found) await tx.query(`drop routine ${signature}`);
}

async function sqlFiles(folder: string): Promise<string[]> {
  const entries = await readdir(new URL(`./${folder}/`, import.meta.url), { recursive: true });
  return entries
    .map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith('.sql'))
    .toSorted();
}
