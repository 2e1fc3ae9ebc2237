import { describe, expect, it } from 'vitest';
import { compareCatalog, railsCatalog, readCatalog } from '../../sql/catalog.ts';
import type { Executor } from '../../sql/database.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const test = testDatabase();

/** What compareCatalog says after one change to a migrated database. */
async function comparisonAfter(change: string) {
  return inRolledBackTransaction(test.database, async (tx: Executor) => {
    await tx.query(change);
    return compareCatalog(await railsCatalog(), await readCatalog(tx));
  });
}

describe('the catalogue of a migrated database', () => {
  it('is that of the Rails engine, with nothing missing, different or more', async () => {
    const rails = await railsCatalog();
    const ours = await readCatalog(test.database);
    const same = { differences: [], extras: [] };
    expect(compareCatalog(rails, ours)).toEqual(same);
    expect(compareCatalog({ ...ours, functions: rails.functions }, rails)).toEqual(same);
    expect(Object.keys(ours.tables).toSorted()).toEqual(Object.keys(rails.tables).toSorted());
  });

  it('has the columns in the physical order of the Rails engine', async () => {
    const names = (catalog: Awaited<ReturnType<typeof railsCatalog>>) =>
      Object.entries(catalog.tables).map(([table, { columns }]) => [table, columns.map(({ name }) => name)]);
    const ours = Object.fromEntries(names(await readCatalog(test.database)));
    expect(ours).toEqual(Object.fromEntries(names(await railsCatalog())));
  });

  it('has each of the nine functions once, and no other in public', async () => {
    const { functions } = await readCatalog(test.database);
    const rails = await railsCatalog();
    expect(functions.map(({ name }) => name)).toEqual(rails.functions.map(({ name }) => name));
    expect(functions).toHaveLength(9);
  });

  it('reads the same whatever the search path is', async () => {
    const elsewhere = await inRolledBackTransaction(test.database, async (tx) => {
      await tx.query(`set local search_path = ''`);
      return compareCatalog(await railsCatalog(), await readCatalog(tx));
    });
    expect(elsewhere).toEqual({ differences: [], extras: [] });
  });
});

describe('comparing catalogues', () => {
  it.each([
    [
      'alter table public.tasker_tasks alter column bypass_steps type jsonb',
      'tasker_tasks.bypass_steps: expected json, found jsonb',
    ],
    [
      'alter table public.tasker_workflow_steps alter column retry_limit set default 5',
      'tasker_workflow_steps.retry_limit: expected integer default 3, found integer default 5',
    ],
    ['alter table public.tasker_tasks drop column reason', 'tasker_tasks: column reason is missing'],
    ['drop index public.tasks_context_idx', 'tasker_tasks: index tasks_context_idx is missing'],
    [
      `drop index public.index_tasks_on_identity_hash;
       create index index_tasks_on_identity_hash on public.tasker_tasks (identity_hash)`,
      'tasker_tasks: index index_tasks_on_identity_hash: expected unique btree (identity_hash), found btree (identity_hash)',
    ],
    [
      'alter table public.tasker_tasks drop constraint tasks_named_task_id_foreign',
      'tasker_tasks: foreign key tasks_named_task_id_foreign is missing',
    ],
    [
      'alter table public.tasker_tasks add column tenant text not null',
      'tasker_tasks: column tenant (text not null) is not null and has no default: rows that leave it out would be refused',
    ],
    ['drop view public.tasker_step_dag_relationships', 'view tasker_step_dag_relationships is missing'],
    [
      'drop function public.calculate_dependency_levels(bigint)',
      'function calculate_dependency_levels is missing',
    ],
  ])('names what %s changed', async (change, line) => {
    expect(await comparisonAfter(change)).toEqual({ differences: [line], extras: [] });
  });

  it('notes what an app added, as no difference', async () => {
    const { differences, extras } = await comparisonAfter(`
      alter table public.tasker_tasks add column tenant text, add check (length(tenant) > 1);
      create index by_tenant on public.tasker_tasks (tenant desc) where tenant is not null`);
    expect(differences).toEqual([]);
    expect(extras).toEqual([
      'tasker_tasks: column tenant (text)',
      'tasker_tasks: index by_tenant (btree (tenant desc) where tenant IS NOT NULL)',
      'tasker_tasks: constraint tasker_tasks_tenant_check CHECK ((length(tenant) > 1))',
    ]);
  });
});
