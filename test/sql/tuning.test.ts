// What `treadle tune indexes` would drop, and what makes it leave an index alone.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DISPENSABLE } from '../../sql/dispensable-indexes.ts';
import { planTuning, type TuningPlan } from '../../sql/tuning.ts';
import { eventually } from '../support/engines.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let test: TestDatabase;
beforeEach(async () => {
  test = await createTestDatabase();
});
afterEach(() => test.drop());

const namesOf = (indexes: readonly { readonly index_name: string }[]): string[] =>
  indexes.map(({ index_name }) => index_name);

/** Why an index stays; undefined when it goes. */
const whyKept = ({ keep }: TuningPlan, name: string): string | undefined =>
  keep.find(({ index_name }) => index_name === name)?.why;

/** Runs it in a session of its own, which tells the statistics before it ends. */
async function inAnotherSession(statements: string): Promise<void> {
  const client = test.database.dedicatedClient('another app');
  await client.connect();
  await client.query(statements);
  await client.end();
}

async function planAfterScans(of: string): Promise<TuningPlan> {
  await eventually(
    async () => {
      const [row] = await test.database.query<{ scans: number }>(
        'select idx_scan as scans from pg_stat_user_indexes where indexrelname = $1',
        [of],
      );
      return row?.scans ?? 0;
    },
    (scans) => scans > 0,
  );
  return planTuning(test.database, 'all');
}

it('drops every dispensable index of a fresh database, and says how much that is', async () => {
  const { drop, keep, total } = await planTuning(test.database, 'all');
  expect(namesOf(drop)).toEqual([...DISPENSABLE.keys()]);
  expect(keep).toEqual([]);
  expect(total).toMatchObject({ indexes: 99, entries: 0 });
  expect(drop[0]).toMatchObject({
    index_name: 'tasks_identity_hash_index',
    table_name: 'tasker_tasks',
    definition: 'CREATE INDEX tasks_identity_hash_index ON public.tasker_tasks USING btree (identity_hash)',
    bytes: 8192,
    scans: 0,
    reason: 'duplicate',
    why: 'the same as index_tasks_on_identity_hash',
  });
});

it('drops only what another index does as well when asked for duplicates', async () => {
  const { drop, keep } = await planTuning(test.database, 'duplicates');
  const wanted = [...DISPENSABLE].filter(([, { reason }]) => reason === 'duplicate' || reason === 'prefix');
  expect(namesOf(drop)).toEqual(wanted.map(([name]) => name));
  expect(keep).toEqual([]);
});

describe('leaves alone', () => {
  it.each([
    ['drop index tasks_tags_idx; create index tasks_tags_idx on tasker_tasks (reason)', 'tasks_tags_idx'],
    [`comment on index tasks_tags_idx is 'for the search page'`, 'tasks_tags_idx'],
    ['alter index tasks_tags_idx set (fastupdate = off)', 'tasks_tags_idx'],
    [
      'alter table tasker_workflow_steps cluster on workflow_steps_task_id_index',
      'workflow_steps_task_id_index',
    ],
  ])('one that somebody has made his own: %s', async (change, name) => {
    await test.database.query(change);
    const plan = await planTuning(test.database, 'all');
    expect(whyKept(plan, name)).toBe("it is not as in the Rails engine's schema");
    expect(namesOf(plan.drop)).not.toContain(name);
  });

  it('what an app has added, although it repeats another', async () => {
    await test.database.query('create index by_hash on tasker_tasks (identity_hash)');
    const { drop, keep, total } = await planTuning(test.database, 'all');
    expect(namesOf([...drop, ...keep])).not.toContain('by_hash');
    expect(total.indexes).toBe(100);
  });

  it('a duplicate when the other one is not there', async () => {
    await test.database.query('drop index idx_step_edges_from_to');
    const { drop } = await planTuning(test.database, 'duplicates');
    expect(namesOf(drop)).not.toContain('index_step_edges_from_to_composite');
  });

  it('an unused one that somebody scans after all', async () => {
    await inAnotherSession(`set enable_seqscan = off; select from tasker_tasks where tags @> '["urgent"]'`);
    const scanned = /^tasks_tags_idx1?$/;
    const [used = ''] = await eventually(
      async () => namesOf((await planTuning(test.database, 'all')).keep).filter((name) => scanned.test(name)),
      (names) => names.length > 0,
    );
    expect(whyKept(await planTuning(test.database, 'all'), used)).toBe('somebody uses it: 1 scans');
  });

  it('one that is being built', async () => {
    await test.database.query(
      `update pg_index set indisvalid = false where indexrelid = 'tasks_tags_idx'::regclass`,
    );
    const plan = await planTuning(test.database, 'all');
    expect(whyKept(plan, 'tasks_tags_idx')).toBe('somebody is building it, or has broken that off');
  });
});

describe('does not count as use', () => {
  it('a scan that another index would have answered as well', async () => {
    await inAnotherSession(`
      drop index idx_on_workflow_step_id_sort_key_4d476d7adb, index_tasker_workflow_step_transitions_on_workflow_step_id,
        index_step_transitions_completed;
      set enable_seqscan = off;
      select from tasker_workflow_step_transitions where workflow_step_id = 1;
      create unique index idx_on_workflow_step_id_sort_key_4d476d7adb
        on tasker_workflow_step_transitions (workflow_step_id, sort_key)`);
    const plan = await planAfterScans('index_step_transitions_for_current_state');
    expect(namesOf(plan.drop)).toContain('index_step_transitions_for_current_state');
  });

  it('a scan of the whole table, but a look for some of its rows does', async () => {
    await test.database.query(`
      insert into tasker_task_namespaces (name, created_at, updated_at) values ('n', now(), now());
      insert into tasker_named_tasks (name, created_at, updated_at) values ('t', now(), now());
      insert into tasker_tasks (named_task_id, identity_hash, requested_at, created_at, updated_at)
        select 1, 'x', now(), now(), now();
      insert into tasker_dependent_systems (name, created_at, updated_at) values ('d', now(), now());
      insert into tasker_named_steps (dependent_system_id, name, created_at, updated_at) values (1, 's', now(), now());
      insert into tasker_workflow_steps (task_id, named_step_id, attempts, processed_at, created_at, updated_at)
        select 1, 1, n, now() - n * interval '1 day', now(), now() from generate_series(1, 100) n`);
    await test.database.query('drop index index_workflow_steps_retry_status');
    await test.database.query('vacuum analyze tasker_workflow_steps');
    await inAnotherSession(`
      set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off;
      select attempts from tasker_workflow_steps order by attempts, retry_limit, retryable;
      select from tasker_workflow_steps where processed_at < now() - interval '99 days'`);
    const plan = await planAfterScans('workflow_steps_processed_at_index');
    expect(whyKept(plan, 'workflow_steps_processed_at_index')).toMatch(/somebody uses it/);
    expect(namesOf(plan.drop)).toContain('index_workflow_steps_retry_logic');
    expect(plan.drop.filter(({ scans }) => scans > 0).map(({ is_counted }) => is_counted)).toEqual([true]);
  });
});
