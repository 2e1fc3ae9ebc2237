// The view and functions of a Rails app as they are before `treadle tune functions`: those that look at the whole database as the
// benchmark has them, of the others ours with another body. Some have an owner, grants and comments of their own, and a dependant.
import { installOriginals } from '../../bench/rails/originals.ts';
import { adopt } from '../../sql/adoption/adopt.ts';
import type { Database } from '../../sql/database.ts';
import {
  planFunctions,
  planRestore,
  restoreFunctions,
  tuneFunctions,
  type Progress,
} from '../../sql/function-tuning/tuning.ts';
import type { FunctionLevel } from '../../sql/function-tuning/definitions.ts';
import type { TestDatabase } from './postgres.ts';
import { createRailsHistory } from './rails-database.ts';

/** An adopted database with so many tasks of a Rails app. The caller drops it. */
export async function createAdopted(tasks = 20): Promise<TestDatabase> {
  const home = await createRailsHistory(tasks);
  await installAll(home.database);
  await adopt(home.database, { patienceMs: 60_000, signal: new AbortController().signal });
  return home;
}

const options = (patienceMs: number, signal = new AbortController().signal) => ({
  patienceMs,
  signal,
  lockTimeoutSeconds: 5,
});

export async function tuneIn(
  { database }: TestDatabase,
  level: FunctionLevel = 'all',
  patienceMs = 60_000,
): Promise<Progress[]> {
  return collected(tuneFunctions(database, await planFunctions(database, level), options(patienceMs)));
}

export async function restoreIn({ database }: TestDatabase, patienceMs = 60_000): Promise<Progress[]> {
  return collected(restoreFunctions(database, await planRestore(database), options(patienceMs)));
}

async function collected(changes: AsyncGenerator<Progress>): Promise<Progress[]> {
  const steps: Progress[] = [];
  for await (const step of changes) steps.push(step);
  return steps;
}

async function installAll(db: Database): Promise<void> {
  const others = await db.query<{ definition: string }>(OTHERS);
  for (const { definition } of others) await db.query(definition);
  await installOriginals(db);
  await db.query(BELONGINGS);
}

/** Without the settings that ours have. */
const OTHERS = `
  select regexp_replace(regexp_replace(pg_get_functiondef(p.oid), '\\n SET [^\\n]*', '', 'g'), '\\mbegin\\M', 'begin -- of the app') as definition
  from pg_proc p
  where p.pronamespace = 'public'::regnamespace`;

const BELONGINGS = `
  comment on view tasker_step_dag_relationships is 'of the app';
  comment on column tasker_step_dag_relationships.task_id is 'its task';
  grant select on tasker_step_dag_relationships to pg_monitor with grant option;
  create view of_the_app as select task_id, parent_count from tasker_step_dag_relationships;
  comment on function get_system_health_counts_v01() is 'asked by the dashboard';
  revoke all on function get_system_health_counts_v01() from public;
  grant execute on function get_system_health_counts_v01() to pg_monitor;
  alter function get_slowest_tasks_v01(timestamptz, integer, text, text, text) owner to pg_monitor`;

/** All that the catalogue says of the schema public's view, functions and triggers, but when it was written. */
export async function catalogOf({ database }: TestDatabase): Promise<object[]> {
  return database.query(CATALOG);
}

const CATALOG = `
  select 'function' as kind, p.proname::text as name, to_jsonb(p) as definition,
    obj_description(p.oid) as comment, pg_get_functiondef(p.oid) as printed
  from pg_proc p
  where p.pronamespace = 'public'::regnamespace
  union all
  select 'view', c.relname, to_jsonb(c) - '{relpages,reltuples,relallvisible,relallfrozen}'::text[], obj_description(c.oid), pg_get_viewdef(c.oid)
  from pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
  union all
  select 'column', format('%s.%s', c.relname, a.attname), to_jsonb(a), col_description(c.oid, a.attnum), null
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid
  where c.relnamespace = 'public'::regnamespace and c.relkind = 'v'
  union all
  select 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass), null, null, pg_get_triggerdef(t.oid)
  from pg_trigger t
  where not t.tgisinternal
  order by 1, 2`;
