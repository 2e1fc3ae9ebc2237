import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareCatalog, railsCatalog, readCatalog } from '../../sql/catalog.ts';
import { Database } from '../../sql/database.ts';
import { migrate, migrationStatus } from '../../sql/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.ts';

let test: TestDatabase;
beforeEach(async () => {
  test = await createEmptyDatabase();
});
afterEach(() => test.drop());

const read = (file: string) => readFile(new URL(`../../sql/${file}`, import.meta.url), 'utf8');

/** What a Rails app's migrations leave: the tables, its own view and functions, its own bookkeeping. */
async function railsDatabase(): Promise<void> {
  await test.database.query(await read('migrations/0001_rails_schema.sql'));
  await test.database.query(`
    create table public.schema_migrations (version varchar primary key);
    create view public.tasker_step_dag_relationships as select 'of Rails' as origin;
    create function public.get_task_execution_context(input_task_id bigint) returns text
      language sql as $$ select 'of Rails' $$;
    create index by_reason on public.tasker_tasks (reason)`);
}

/** Everything in schemas public and treadle that has a definition, to see that nothing has changed. */
async function definitions(schema: string) {
  return test.database.query<{ name: string; definition: string }>(
    `
    select c.relname as name, coalesce(pg_get_viewdef(c.oid), c.relkind::text) as definition
    from pg_class c where c.relnamespace = to_regnamespace($1) and c.relkind in ('r', 'v', 'i', 'S')
    union all
    select p.oid::regprocedure::text, p.prosrc from pg_proc p where p.pronamespace = to_regnamespace($1)
    order by 1`,
    [schema],
  );
}

describe('migrating an empty database', () => {
  it('applies every migration, installs every function and leaves nothing pending', async () => {
    const before = await migrationStatus(test.database);
    const lines: string[] = [];
    const report = await migrate(test.database, { onProgress: (line) => lines.push(line) });
    expect(report).toMatchObject({ applied: before.pending, adopted: false, extras: [] });
    expect(report.applied.slice(0, 3)).toEqual([
      '0000_bootstrap',
      '0001_rails_schema',
      '0002_treadle_schema',
    ]);
    expect(report.functionsInstalled).toBeGreaterThan(10);
    expect(lines).toContain('applying 0001_rails_schema');
    expect(await migrationStatus(test.database)).toEqual({
      pending: [],
      applied: report.applied,
      adopted: false,
      unknown: [],
      functionsCurrent: true,
    });
  });

  it('does nothing the second time', async () => {
    await migrate(test.database);
    const before = [await definitions('public'), await definitions('treadle')];
    expect(await migrate(test.database)).toEqual({
      applied: [],
      functionsInstalled: 0,
      adopted: false,
      extras: [],
    });
    expect([await definitions('public'), await definitions('treadle')]).toEqual(before);
  });

  it('needs no search path', async () => {
    await test.database.query(
      `alter database ${new URL(test.url).pathname.slice(1)} set search_path = nowhere`,
    );
    const elsewhere = new Database({ url: test.url });
    await migrate(elsewhere);
    const { differences } = compareCatalog(await railsCatalog(), await readCatalog(elsewhere));
    await elsewhere.close();
    expect(differences).toEqual([]);
  });

  it('is done once by two pools at once', async () => {
    const other = new Database({ url: test.url });
    const reports = await Promise.all([migrate(test.database), migrate(other)]);
    await other.close();
    expect(reports.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
    expect(reports.filter(({ functionsInstalled }) => functionsInstalled > 0)).toHaveLength(1);
  });

  it('is done once by two processes at once', async () => {
    const outputs = await Promise.all([migrateInProcess(test.url), migrateInProcess(test.url)]);
    const applied = outputs.map((output) => (JSON.parse(output) as { applied: string[] }).applied);
    expect(applied.flat().toSorted()).toEqual((await migrationStatus(test.database)).applied);
    expect(applied.filter(({ length }) => length > 0)).toHaveLength(1);
  });

  it('writes nothing when it fails in the middle, and names the file', async () => {
    // a function of that name that returns something else cannot be replaced, and in public nothing is dropped
    await test.database.query(`
      create function public.calculate_dependency_levels(input_task_id bigint) returns text
        language sql as $$ select 'in the way' $$`);
    await expect(migrate(test.database)).rejects.toMatchObject({
      code: 'database_error',
      message: expect.stringContaining('sql/functions/public/calculate_dependency_levels.sql'),
    });
    expect(await definitions('treadle')).toEqual([]);
    expect((await migrationStatus(test.database)).applied).toEqual([]);
  });
});

describe('what an earlier version left', () => {
  beforeEach(async () => {
    await migrate(test.database);
  });

  /** As if the installed functions were those of another version. */
  const outdated = (change: string) =>
    test.database.query(
      `${change}; update treadle.settings set value = '"other"' where key = 'functions_hash'`,
    );

  it('is replaced when a function has another body', async () => {
    await outdated(`
      create or replace function public.get_task_execution_context(input_task_id bigint) returns table (
        task_id bigint, named_task_id integer, status text, total_steps bigint, pending_steps bigint,
        in_progress_steps bigint, completed_steps bigint, failed_steps bigint, ready_steps bigint,
        execution_status text, recommended_action text, completion_percentage numeric, health_status text
      ) language plpgsql stable as 'begin raise exception $m$old$m$; end'`);
    expect((await migrationStatus(test.database)).functionsCurrent).toBe(false);
    expect((await migrate(test.database)).functionsInstalled).toBeGreaterThan(10);
    expect(await test.database.query('select * from public.get_task_execution_context(1)')).toEqual([]);
  });

  it('is dropped first when a function of ours returns something else now', async () => {
    await outdated(`
      drop function treadle.explain_step(bigint);
      create function treadle.explain_step(p_step_id bigint) returns integer language sql as 'select 1'`);
    await migrate(test.database);
    const [{ returns } = { returns: '' }] = await test.database.query<{ returns: string }>(
      `select prorettype::regtype::text as returns from pg_proc where oid = 'treadle.explain_step(bigint)'::regprocedure`,
    );
    expect(returns).toBe('text');
  });

  it('does not stay beside a function whose arguments have changed', async () => {
    await outdated(
      `create function treadle.explain_step(p_step_id text) returns integer language sql as 'select 1'`,
    );
    await migrate(test.database);
    const named = (await definitions('treadle')).filter(({ name }) => name.includes('explain_step'));
    expect(named.map(({ name }) => name)).toEqual(['treadle.explain_step(bigint)']);
  });

  it('is refused when the file of an applied migration has changed', async () => {
    await test.database.query(
      `update treadle.migrations set checksum = 'x' where name = '0001_rails_schema'`,
    );
    await expect(migrate(test.database)).rejects.toMatchObject({
      code: 'schema_mismatch',
      message: expect.stringContaining('0001_rails_schema was applied with another content'),
      details: { changed: ['0001_rails_schema'], unknown: [] },
    });
  });

  it('is refused when a newer Treadle has migrated the database', async () => {
    await test.database.query(`insert into treadle.migrations values ('9999_future', 'x')`);
    await expect(migrate(test.database)).rejects.toMatchObject({
      code: 'schema_mismatch',
      message: expect.stringContaining('9999_future was applied by a newer Treadle'),
    });
    expect((await migrationStatus(test.database)).unknown).toEqual(['9999_future']);
  });
});

describe('a database that a Rails app has migrated', () => {
  beforeEach(railsDatabase);

  it('is adopted: the schema treadle is added and what is in public stays', async () => {
    const before = await definitions('public');
    const report = await migrate(test.database);
    expect(report.applied.slice(0, 2)).toEqual(['0000_bootstrap', '0002_treadle_schema']);
    expect(report).toMatchObject({
      adopted: true,
      extras: ['tasker_tasks: index by_reason (btree (reason))'],
    });
    expect(await definitions('public')).toEqual(before);
    expect(await test.database.query('select public.get_task_execution_context(1) as answer')).toEqual([
      { answer: 'of Rails' },
    ]);
  });

  it('stays adopted', async () => {
    await migrate(test.database);
    expect(await migrate(test.database)).toEqual({
      applied: [],
      functionsInstalled: 0,
      adopted: true,
      extras: [],
    });
    const { applied, ...status } = await migrationStatus(test.database);
    expect(status).toEqual({ pending: [], adopted: true, unknown: [], functionsCurrent: true });
    expect(applied).toContain('0001_rails_schema');
  });

  it('is refused when its tables differ: each difference is listed and nothing is written', async () => {
    await test.database.query(`
      alter table public.tasker_tasks alter column bypass_steps type jsonb;
      drop table public.tasker_task_annotations`);
    await expect(migrate(test.database)).rejects.toMatchObject({
      code: 'schema_mismatch',
      message: expect.stringContaining('  tasker_tasks.bypass_steps: expected json, found jsonb'),
      details: { differences: expect.arrayContaining(['table tasker_task_annotations is missing']) },
    });
    expect(await definitions('treadle')).toEqual([]);
  });
});

/** Runs migrate in a process of its own, and returns the report that it prints. */
async function migrateInProcess(url: string): Promise<string> {
  const program = `
    const { Database } = await import('./sql/database.ts');
    const { migrate } = await import('./sql/migrate.ts');
    const database = new Database({ url: process.argv[1] });
    console.log(JSON.stringify(await migrate(database)));
    await database.close();`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program, url], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  return output;
}
