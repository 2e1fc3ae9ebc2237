// Limits across processes: three engines share them, and what the handlers themselves wrote down says that they were kept,
// that they were used to the full, and that the slots of a process that was killed come free.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import type { StepTemplateInput, TaskTemplate } from '../../core/template/template.ts';
import type { Engine } from '../../engine/engine.ts';
import { setLimits } from '../../sql/limits.ts';
import { eventually, newEngine } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import type { LimitedOrders } from '../support/limited-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const key = '{{ context.customer }}';
let home: TestDatabase;

beforeEach(async () => {
  home = await createTestDatabase();
  await home.database.query(
    `create table public.diary (
       workflow_step_id bigint, event text, key text, pid integer, at timestamptz, entry bigint generated always as identity
     )`,
  );
  return home.drop;
});

async function process(orders: Omit<LimitedOrders, 'url'>): Promise<ChildProcess> {
  const script = join(import.meta.dirname, '..', 'support', 'limited-process.ts');
  const text = JSON.stringify({ url: home.url, ...orders });
  const child = spawn('node', ['--import', 'tsx', script, text], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(createInterface(child.stdout), 'line');
  return child;
}

const limited = (limits: Partial<StepTemplateInput>) =>
  templateOf({ work: [] }, { each: { backoff: { base_seconds: 0 }, ...limits } });

/** Creates the tasks, lets three processes run them, and resolves when all are complete. */
async function runByThree(template: TaskTemplate, contexts: readonly JsonObject[], stepMs: number) {
  const caller = newEngine({ database: home.database, templates: [template], works: {} });
  await caller.registerTemplates([template]);
  await Promise.all([1, 2, 3].map(() => process({ template, stepMs })));
  return createAndAwait(caller, template, contexts);
}

async function createAndAwait(
  caller: Engine,
  { namespace_name, name }: TaskTemplate,
  contexts: readonly JsonObject[],
) {
  const tasks = await caller.createTasks(contexts.map((context) => ({ namespace_name, name, context })));
  await eventually(incomplete, (count) => count === 0, 60_000);
  return tasks;
}

async function incomplete(): Promise<number | undefined> {
  const query = 'select count(*)::integer as count from public.tasker_tasks where not complete';
  return (await home.database.query<{ count: number }>(query))[0]?.count;
}

/** The most steps of one key (of all together when `together`) that ran at the same time, by the diary. */
async function mostAtOnce({ together = false } = {}): Promise<number | undefined> {
  const [row] = await home.database.query<{ most: number }>(
    `select max(running)::integer as most
     from (
       select sum(case event when 'start' then 1 else -1 end)
         over (partition by case when not $1 then key end order by at, event) as running
       from public.diary
     ) at_each_entry`,
    [together],
  );
  return row?.most;
}

const customers = (names: readonly string[], each: number) =>
  names.flatMap((customer) => Array.from({ length: each }, (_, n) => ({ customer, n })));

test('three processes never run two steps of one customer at once, and run several customers beside each other', async () => {
  const template = limited({ concurrency: { limit: 1, key } });
  await runByThree(template, customers(['a', 'b', 'c', 'd', 'e', 'f'], 12), 5);
  expect(await mostAtOnce()).toBe(1);
  expect(await mostAtOnce({ together: true })).toBeGreaterThan(3);
  expect(await violations(home.database)).toEqual([]);
}, 90_000);

test('three processes keep the concurrency of a handler, and use all of it', async () => {
  const template = limited({});
  await newEngine({ database: home.database, templates: [], works: {} }).registerTemplates([template]);
  await setLimits(home.database, { scope: 'handler', subject: 'work' }, { concurrency: 7 });
  await runByThree(template, customers(['a'], 120), 20);
  expect(await mostAtOnce()).toBe(7);
}, 90_000);

test('a customer with one task does not wait for another with hundreds', async () => {
  const template = limited({ concurrency: { limit: 2, key } });
  await runByThree(template, [...customers(['many'], 300), { customer: 'one' }], 5);
  const [row] = await home.database.query<{ before: number }>(
    `select count(*)::integer as before
     from public.diary
     where event = 'end' and at < (select min(at) from public.diary where key = 'one')`,
  );
  expect(row?.before).toBeLessThan(100);
}, 90_000);

test('three processes start no more in any period than the rate allows, and no fewer for long', async () => {
  const template = limited({ rate: { limit: 10, per: '1s' } });
  await runByThree(template, customers(['a'], 45), 1);
  const { most, seconds } = await claimTimes();
  expect(most).toBe(10);
  expect(seconds).toBeLessThan(8); // four seconds, if all went as it should
}, 90_000);

/** By the audit trail, whose in_progress rows are dated at the claim: most starts in a second, and how long it all took. */
async function claimTimes(): Promise<{ most: number; seconds: number }> {
  const [row] = await home.database.query<{ most: number; seconds: number }>(
    `with starts as (
       select created_at as at from public.tasker_workflow_step_transitions where to_state = 'in_progress'
     )
     select max(within)::integer as most, extract(epoch from max(at) - min(at))::float8 as seconds
     from (
       select at, count(*) over (order by at range between current row and interval '999999 us' following) as within
       from starts
     ) s`,
  );
  return row ?? { most: 0, seconds: 0 };
}

test('the slots of a process that is killed come free when its steps are taken back', async () => {
  const template = limited({ concurrency: { limit: 2 } });
  const caller = newEngine({ database: home.database, templates: [template], works: {} });
  await caller.registerTemplates([template]);
  const doomed = await process({ template, stepMs: 600_000, leaseSeconds: 0.6 });
  const [{ namespace_name, name }] = [template];
  const requests = customers(['a'], 6).map((context) => ({ namespace_name, name, context }));
  await caller.createTasks(requests);
  const started = `select count(*)::integer as count from public.diary where event = 'start'`;
  const starts = async () => (await home.database.query<{ count: number }>(started))[0]?.count;
  await eventually(starts, (count) => count === 2);
  await process({ template, stepMs: 5, leaseSeconds: 0.6 });
  expect(await starts()).toBe(2);
  doomed.kill('SIGKILL');
  await once(doomed, 'exit');
  await eventually(incomplete, (count) => count === 0, 30_000);
  expect(await violations(home.database)).toEqual([]);
}, 90_000);
