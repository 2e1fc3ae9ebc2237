// What `treadle adopt --check` finds in a database of the Rails engine, and that it finds it without changing or needing anything.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkAdoption, type AdoptionCheck } from '../../sql/adoption/check.ts';
import { INVARIANTS, LEFT_BEHIND } from '../../sql/adoption/findings.ts';
import { Database } from '../../sql/database.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { createRailsDatabase, loadTask, reached } from '../support/rails-database.ts';
import type { LoadedWorld } from '../support/rails-world.ts';

let rails: TestDatabase;
beforeEach(async () => {
  rails = await createRailsDatabase();
});
afterEach(() => rails.drop());

const check = (database = rails.database): Promise<AdoptionCheck> =>
  checkAdoption(database, { leftAfterSeconds: 3600 });

const load = (state?: string, ...steps: Parameters<typeof loadTask>[2][]): Promise<LoadedWorld> =>
  rails.database.transaction((tx) => loadTask(tx, state, ...steps));

const named = ({ findings }: AdoptionCheck, name: string) =>
  findings.find((finding) => finding.name === name);

const idOf = ({ stepIds }: LoadedWorld, step: string): number => stepIds.get(step) ?? 0;

/** Findings of tasks that have ended, or that loadTask's rows always give. */
const USUAL = new Set(['template_rows', 'left_in_progress', 'left_pending', 'never_started']);

describe('a sound database', () => {
  it('can be adopted, and nothing is found in it', async () => {
    const { can_be_adopted, differences, findings, tables } = await check();
    expect({ can_be_adopted, differences, findings }).toEqual({
      can_be_adopted: true,
      differences: [],
      findings: [],
    });
    expect(tables).toHaveLength(13);
    expect(tables.reduce((sum, { indexes }) => sum + indexes, 0)).toBe(99);
  });

  it('is told with its unfinished tasks and a guess at the time', async () => {
    await load('in_progress', {}, {});
    const { unfinished, estimated_seconds } = await check();
    expect(unfinished).toEqual([
      { namespace_name: 'default', task_name: 'task', version: '0.1.0', tasks: 1, steps: 2 },
    ]);
    expect(estimated_seconds).toBeGreaterThan(0);
  });
});

describe('what the Rails engine leaves behind', () => {
  it.each<[string, 'task' | 'step', () => Promise<LoadedWorld>]>([
    ['left_in_progress', 'task', () => load('in_progress', reached('complete'), {})],
    ['left_pending', 'task', () => load('pending', reached('complete'), {})],
    ['never_started', 'task', () => load(undefined, {})],
    ['cancelled_step', 'task', () => load('in_progress', reached('cancelled'), {})],
    ['stuck_running_steps', 'step', () => load('in_progress', { ...reached('in_progress') })],
    ['never_retried', 'step', () => load('pending', { ...reached('error'), attempts: 1 })],
    ['exhausted', 'step', () => load('pending', { ...reached('error'), attempts: 3 })],
    ['not_retryable', 'step', () => load('pending', { retryable: false })],
    ['marked_processed', 'step', () => load('pending', { processed: true })],
    [
      'far_backoff',
      'step',
      () =>
        load('pending', {
          ...reached('error'),
          attempts: 1,
          last_attempted_ago: 60,
          backoff_request_seconds: 500_000,
        }),
    ],
    ['complete_disagrees', 'task', () => load('complete', reached('complete'))],
    ['in_process_cleared', 'step', () => load('pending', { in_process: true })],
  ])('%s is found with the %s that has it, and does not stand in the way', async (name, subject, plant) => {
    const world = await plant();
    const found = await check();
    const examples = [subject === 'task' ? world.taskId : idOf(world, 's0')];
    expect(named(found, name)).toMatchObject({ must_mend: false, total: 1, examples });
    expect(found.can_be_adopted).toBe(true);
  });

  it('is not said of tasks that have just moved', async () => {
    await rails.database.transaction(async (tx) => {
      const { taskId } = await loadTask(tx, 'in_progress', reached('in_progress'));
      await tx.query('update tasker_task_transitions set created_at = now() where task_id = $1', [taskId]);
    });
    await rails.database.query(
      `update tasker_workflow_step_transitions set created_at = now() at time zone 'UTC'`,
    );
    const { findings } = await check();
    expect(findings.map(({ name }) => name)).toEqual(['template_rows']);
  });

  it('is explained in words, each thing that can be found', () => {
    const known = [...Object.values(INVARIANTS), ...Object.values(LEFT_BEHIND)];
    for (const { says, advice } of known) expect([says, advice].join(' ').length).toBeGreaterThan(40);
  });
});

describe('what must be mended first', () => {
  const UPDATE = 'update tasker_workflow_step_transitions';
  it.each<[string, string]>([
    ['trail_order', `${UPDATE} set sort_key = 1000 where workflow_step_id = $1 and not most_recent`],
    ['known_states', `${UPDATE} set to_state = 'failed' where workflow_step_id = $1 and most_recent`],
    ['acyclic', edge('$1', '$1')],
  ])('%s is found, and forbids adoption while the task is unfinished', async (name, plant) => {
    const world = await load('in_progress', reached('error'), {});
    await rails.database.query(plant, [idOf(world, 's0')]);
    const found = await check();
    expect(named(found, name)).toMatchObject({ must_mend: true, total: 1 });
    expect(found.can_be_adopted).toBe(false);
  });

  it('an edge between tasks is found, and forbids adoption', async () => {
    const [one, other] = [await load('pending', {}), await load('pending', {})];
    await rails.database.query(edge('$1', '$2'), [idOf(one, 's0'), idOf(other, 's0')]);
    expect(named(await check(), 'edges_inside')).toMatchObject({ must_mend: true, unfinished: 1 });
  });

  it('does not matter in tasks that have ended', async () => {
    const world = await load('cancelled', reached('error'), {});
    await rails.database.query(edge('$1', '$1'), [idOf(world, 's0')]);
    const found = await check();
    expect(named(found, 'acyclic')).toMatchObject({ must_mend: false, total: 1, unfinished: 0 });
    expect(found.can_be_adopted).toBe(true);
  });

  it('a pair of steps with two edges is told, and may stay', async () => {
    const world = await load('pending', {}, {});
    await rails.database.query(edge('$1', '$2'), [idOf(world, 's0'), idOf(world, 's1')]);
    const found = await check();
    expect(named(found, 'edge_pairs')).toMatchObject({ must_mend: false, total: 1 });
  });
});

describe('the schema', () => {
  it('is compared: what differs is listed and forbids adoption, and the rows are not read', async () => {
    await load('pending', { in_process: true });
    await rails.database.query(
      'alter table tasker_tasks alter column bypass_steps type jsonb; drop index idx_step_edges_to_from',
    );
    const { can_be_adopted, differences, findings, unfinished } = await check();
    expect(can_be_adopted).toBe(false);
    expect(differences).toEqual([
      'tasker_tasks.bypass_steps: expected json, found jsonb',
      'tasker_workflow_step_edges: index idx_step_edges_to_from is missing',
    ]);
    expect([findings.map(({ name }) => name), unfinished]).toEqual([['schema'], []]);
  });

  it('may have functions and a view of the app, and more', async () => {
    await rails.database.query(
      'drop view tasker_step_dag_relationships; create index by_reason on tasker_tasks (reason)',
    );
    const { can_be_adopted, differences, extras } = await check();
    expect(can_be_adopted).toBe(true);
    expect(differences).toEqual(['view tasker_step_dag_relationships is missing (left as it is)']);
    expect(extras).toEqual(['tasker_tasks: index by_reason (btree (reason))']);
  });

  it('without any table of Rails is an error that says so', async () => {
    await rails.database.query('drop schema public cascade; create schema public');
    await expect(check()).rejects.toMatchObject({
      code: 'schema_mismatch',
      message: expect.stringContaining('expected the tables of the Rails engine Tasker'),
    });
  });
});

describe('looking', () => {
  it('changes nothing, and works where only reading is allowed and nothing can be made', async () => {
    await load('in_progress', { ...reached('error'), attempts: 1 }, {});
    const reader = await connectAsReader();
    const before = await everything();
    const { findings } = await check(reader);
    await forget(reader);
    expect(await everything()).toEqual(before);
    expect(findings.find(({ name }) => name === 'never_retried')).toMatchObject({ total: 1 });
  });

  it('says what the role lacks for the rest', async () => {
    const reader = await connectAsReader();
    const found = await check(reader);
    await forget(reader);
    expect(found.can_be_adopted).toBe(false);
    expect(named(found, 'privileges')?.message).toMatch(
      /^the role \w+ lacks CREATE on the database, .*TRIGGER on tasker_task_transitions, /,
    );
  });

  it('names the transaction that keeps triggers from being made', async () => {
    const found = await rails.database.transaction(async (tx) => {
      await tx.query('lock table tasker_task_transitions in row exclusive mode; select pg_sleep(1.1)');
      return check();
    });
    expect(named(found, 'open_transactions')).toMatchObject({ total: 1, must_mend: false });
    expect(named(found, 'open_transactions')?.message).toMatch(
      /process \d+, "treadle test", has a transaction/,
    );
  });

  it('finds nothing else than what was planted in a usual task', async () => {
    await load('in_progress', reached('complete'), {});
    const { findings } = await check();
    expect(findings.filter(({ name }) => !USUAL.has(name))).toEqual([]);
  });
});

function edge(from: string, to: string): string {
  return `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    values (${from}, ${to}, 'provides', now(), now())`;
}

async function forget(reader: Database): Promise<void> {
  const role = new URL(reader.url).username;
  await reader.close();
  await rails.database.query(`drop owned by ${role}; drop role ${role}`);
}

/** As a role that may read the tables and nothing else: not even temporary tables. */
async function connectAsReader(): Promise<Database> {
  const url = new URL(rails.url);
  const database = url.pathname.slice(1);
  const role = `reader_${database.slice(-8)}`;
  await rails.database.query(`
    create role ${role} login password 'reader';
    alter role ${role} set default_transaction_read_only = on;
    revoke temporary on database ${database} from public;
    grant select on all tables in schema public to ${role}`);
  url.username = role;
  url.password = 'reader';
  return new Database({ url: url.href });
}

/** Rows of all tables, and every definition there is. */
async function everything() {
  return rails.database.query(`
    select 'relation' as kind, c.oid::regclass::text as name, c.relfilenode::text as value
    from pg_class c where c.relnamespace::regnamespace::text !~ '^pg_toast'
    union all
    select 'function', p.oid::regprocedure::text, p.prosrc from pg_proc p
    where p.pronamespace = 'public'::regnamespace
    union all
    select 'schema', n.nspname, '' from pg_namespace n
    union all
    select 'step', s.workflow_step_id::text, to_jsonb(s)::text from tasker_workflow_steps s
    union all
    select 'transition', t.id::text, to_jsonb(t)::text from tasker_workflow_step_transitions t
    order by 1, 2`);
}
