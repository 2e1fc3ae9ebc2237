// Adopting a database of the Rails engine: what Treadle keeps afterwards is what it would have kept had it always been there, and the
// app that writes meanwhile waits for nobody. A kill anywhere is mended by the next run.
import { readFile } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { measureAdoption, writeRailsHistory } from '../../bench/adoption.ts';
import { adopt, type Adoption } from '../../sql/adoption/adopt.ts';
import { checkAdoption } from '../../sql/adoption/check.ts';
import { checkInvariants } from '../../sql/invariants.ts';
import { migrate, migrationStatus } from '../../sql/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.ts';
import { createRailsHistory, keptSteps, registerHistoryTemplate } from '../support/rails-database.ts';
import { eventually, startEngine } from '../support/engines.ts';

const opened: TestDatabase[] = [];
afterEach(async () => {
  for (const { drop } of opened.splice(0)) await drop();
});

const TASKS = 100;

async function history(): ReturnType<typeof createRailsHistory> {
  const rails = await createRailsHistory(TASKS);
  opened.push(rails);
  return rails;
}

const adoptIn = ({ database }: TestDatabase, patienceMs = 60_000): Promise<Adoption> =>
  adopt(database, { patienceMs, signal: new AbortController().signal });

/** How many tasks have which trouble, by the rule of the sweep. */
const troubles = ({ database }: TestDatabase): Promise<object[]> =>
  database.query(
    `select trouble, count(*) from treadle.task_troubles(array(select task_id from tasker_tasks), '5 s') group by trouble`,
  );

it('adds the schema and the triggers, and leaves tasks alone that no template describes', async () => {
  const rails = await history();
  const { applied, adopted, looked_at, interrupted } = await adoptIn(rails);
  expect(applied.slice(0, 3)).toEqual(['0000_bootstrap', '0002_treadle_schema', '0003_change_triggers']);
  expect({ adopted, looked_at, interrupted }).toEqual({
    adopted: 0,
    looked_at: TASKS / 2,
    interrupted: false,
  });
  const status = await migrationStatus(rails.database);
  expect(status).toMatchObject({ pending: [], adopted: true, functionsCurrent: true });
  const triggers = await rails.database.query(`select tgname from pg_trigger where tgname like 'treadle%'`);
  expect(triggers).toHaveLength(2);
});

it('keeps of tasks whose template is known what it would have kept from the beginning', async () => {
  const rails = await history();
  await adoptIn(rails);
  await registerHistoryTemplate(rails.database);
  expect(await adoptIn(rails)).toMatchObject({ applied: [], adopted: TASKS / 2 });
  expect(await keptSteps(rails.database)).toEqual(rails.kept);
  expect(await troubles(rails)).toEqual([]);
});

it('writes no state, and nothing twice', async () => {
  const rails = await history();
  const states = () => rails.database.query('select * from tasker_task_transitions order by id');
  const before = await states();
  await adoptIn(rails);
  await registerHistoryTemplate(rails.database);
  await adoptIn(rails);
  expect(await adoptIn(rails)).toMatchObject({ applied: [], looked_at: TASKS / 2, adopted: 0 });
  expect(await states()).toEqual(before);
});

it('lets an engine take up what the Rails engine has left', async () => {
  const rails = await history();
  await adoptIn(rails);
  await registerHistoryTemplate(rails.database);
  await adoptIn(rails);
  const engine = await startEngine({ database: rails.database, works: { NoopHandler: () => ({}) } });
  // in progress with steps to run (5, 6) and never started (9); of the others a step is run by Rails or waits for its time
  for (const taskId of [5, 6, 9]) expect(await engine.waitForTask(taskId)).toBe('complete');
});

it('gives up on locks that it cannot have, says who holds them, and has changed no table of Rails', async () => {
  const rails = await history();
  await rails.database.transaction(async (tx) => {
    await tx.query('lock table tasker_task_transitions in row exclusive mode');
    await expect(adoptIn(rails, 200)).rejects.toMatchObject({
      code: 'database_error',
      message: expect.stringMatching(
        /none came in \d+ attempts.*run it again, or give it more time with --patience/,
      ),
    });
  });
  expect((await migrationStatus(rails.database)).pending[0]).toBe('0003_change_triggers');
  expect((await adoptIn(rails)).applied[0]).toBe('0003_change_triggers');
});

it('keeps trying while a transaction is in the way, and lets writers pass meanwhile', async () => {
  const rails = await history();
  const running = await rails.database.transaction(async (tx) => {
    await tx.query('lock table tasker_task_transitions in row exclusive mode');
    const adoption = adoptIn(rails);
    await eventually(
      () => migrationStatus(rails.database).then(({ pending }) => pending[0]),
      (next) => next === '0003_change_triggers',
    );
    // each of them would wait for the end of this transaction if adoption waited for its lock
    for (let sortKey = 100; sortKey < 300; sortKey += 1) await rails.database.query(INSERT, [sortKey]);
    return { adoption };
  });
  expect((await running.adoption).lock_attempts).toBeGreaterThan(1);
});

const INSERT = `insert into tasker_task_transitions (task_id, to_state, sort_key, most_recent, created_at, updated_at)
  values (9, 'pending', $1, false, now(), now())`;

it('goes on beside migrate, which does the rest of what it has begun', async () => {
  const rails = await history();
  await migrate(rails.database, { through: '0002_treadle_schema' });
  expect((await migrationStatus(rails.database)).pending[0]).toBe('0003_change_triggers');
  const { applied, adopted } = await migrate(rails.database);
  expect([applied[0], adopted]).toEqual(['0003_change_triggers', true]);
  expect(await adoptIn(rails)).toMatchObject({ applied: [], looked_at: TASKS / 2 });
});

it('holds no lock that keeps writers of 20,000 steps waiting for long', { timeout: 180_000 }, async () => {
  const empty = await createEmptyDatabase();
  opened.push(empty);
  await writeRailsHistory(empty.database, 20_000);
  const { held, looks, longest_wait_ms, adopted_tasks, replaced, miscounted, writer_during } =
    await measureAdoption(empty.database, {
      quick: true,
    });
  expect(adopted_tasks).toBeGreaterThanOrEqual(1000);
  expect([replaced.length, miscounted]).toEqual([3, 0]);
  expect([looks, writer_during.statements].every((count) => count > 100)).toBe(true);
  expect(held.map(({ mode }) => mode).filter((mode) => mode !== 'ShareRowExclusiveLock')).toEqual([]);
  expect(Math.max(0, ...held.map(({ held_ms }) => held_ms))).toBeLessThan(LONGEST_LOCK_MS);
  expect(longest_wait_ms).toBeLessThan(LONGEST_LOCK_MS);
});

/** The bench asks for 50 ms on a quiet machine; here other test files run beside this one. */
const LONGEST_LOCK_MS = 250;

it('sees a lost step that a person has ended by the statement of docs/adopting.md', async () => {
  const rails = await history();
  const guide = await readFile(new URL('../../docs/adopting.md', import.meta.url), 'utf8');
  const [, statement = ''] = /## Lost steps[\s\S]+?```sql\n([\s\S]+?)```/.exec(guide) ?? [];
  const [lost] = await rails.database.query<{ id: number }>(
    `select workflow_step_id as id from tasker_workflow_step_transitions where most_recent and to_state = 'in_progress' limit 1`,
  );
  await adoptIn(rails);
  await rails.database.query(statement.replace(/\b42\b/, String(lost?.id)));
  const [step] = await rails.database.query(
    `select to_state, attempts, in_process from tasker_workflow_steps
     join tasker_workflow_step_transitions using (workflow_step_id) where workflow_step_id = $1 and most_recent`,
    [lost?.id],
  );
  expect(step).toEqual({ to_state: 'error', attempts: 1, in_process: false });
  const noticed = await rails.database.query('select task_id from treadle.changed_tasks');
  expect(noticed).toHaveLength(1);
  expect(await broken(rails)).toEqual([]);
});

it('goes without a trace when its schema is dropped', async () => {
  const rails = await history();
  const triggers = () => rails.database.query(`select tgname from pg_trigger where tgname like 'treadle%'`);
  await adoptIn(rails);
  expect(await triggers()).toHaveLength(2);
  await rails.database.query('drop schema treadle cascade');
  expect(await triggers()).toEqual([]);
  expect((await checkAdoption(rails.database, { leftAfterSeconds: 3600 })).can_be_adopted).toBe(true);
});

/** Rules that are broken anywhere. */
const broken = async ({ database }: TestDatabase): Promise<string[]> =>
  (await checkInvariants(database)).map(({ invariant }) => invariant);
