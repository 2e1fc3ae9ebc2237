// `treadle tune indexes` as a user runs it.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compareCatalog, railsCatalog, readCatalog } from '../../sql/catalog.ts';
import { DISPENSABLE } from '../../sql/dispensable-indexes.ts';
import { startTreadle, treadle, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/engines.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let db: TestDatabase;
beforeEach(async () => {
  db = await createTestDatabase();
});
afterEach(() => db.drop());

const tune = (...args: readonly string[]): Promise<CliResult> =>
  treadle(['tune', 'indexes', ...args], { url: db.url });

async function countIndexes(): Promise<number> {
  const [row] = await db.database.query<{ count: number }>(
    `select count(*) from pg_indexes where schemaname = 'public'`,
  );
  return row?.count ?? 0;
}

const differences = async (): Promise<string[]> =>
  compareCatalog(await railsCatalog(), await readCatalog(db.database)).differences;

/** How many servers work for `treadle tune`, and whether they wait for somebody. */
async function tuning(): Promise<{ count: number; waiting: boolean }> {
  const [row] = await db.database.query<{ count: number; waiting: boolean }>(
    `select count(*), coalesce(bool_or(wait_event_type = 'Lock'), false) as waiting
     from pg_stat_activity where application_name = 'treadle tune' and datname = current_database()`,
  );
  return row ?? { count: 0, waiting: false };
}

/** Kills it while it waits for `blocking`, and returns when its server has noticed. */
async function killWhileItWaits(blocking: string, ...args: readonly string[]): Promise<void> {
  await db.database.transaction(async (tx) => {
    await tx.query(blocking);
    const running = startTreadle(['tune', 'indexes', ...args, '--lock-timeout', '1h'], { url: db.url });
    await eventually(tuning, ({ waiting }) => waiting);
    running.child.kill('SIGKILL');
    await running.ended;
    await eventually(tuning, ({ count }) => count === 0);
  });
}

it.each([[[]], [['--dry-run']]])('with %j it shows what it would drop, and changes nothing', async (args) => {
  const { status, stdout, stderr } = await tune(...args);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /│ tasks_identity_hash_index +│ tasker_tasks +│ 8\.0 kB +│ 0 +│ 0 +│ the same as index_tasks_on_identity_hash +│/,
  );
  expect(stdout).toMatch(/\n44 of 99 indexes: \d+ kB of \d+ kB \(\d+ %\)/);
  expect(stdout).toContain('nothing was changed; the same with --yes drops them');
  expect(await differences()).toEqual([]);
});

it('drops them with --yes, and brings them back with --restore', async () => {
  const dropped = await tune('--yes');
  expect(dropped).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(
      /^dropped 44 indexes, \d+ kB; "treadle tune indexes --restore" brings them back\n$/,
    ),
  });
  expect(await countIndexes()).toBe(99 - DISPENSABLE.size);
  expect((await tune()).stdout).toBe('nothing to drop\n');
  expect((await tune('--restore', '--dry-run')).stdout).toContain('without --dry-run they come back\n');
  expect(await countIndexes()).toBe(99 - DISPENSABLE.size);
  expect((await tune('--restore')).stdout).toMatch(/^restored 44 indexes, \d+ kB\n$/);
  expect(await differences()).toEqual([]);
});

it('gives one document with --json', async () => {
  const plan = JSON.parse((await tune('--only', 'duplicates', '--json')).stdout);
  expect(plan).toMatchObject({ dry_run: true, level: 'duplicates', total: { indexes: 99 }, keep: [] });
  expect(plan.drop).toHaveLength(24);
  const { stdout } = await tune('--only', 'duplicates', '--yes', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ left: [], interrupted: false, bytes: plan.gain.bytes });
  expect(JSON.parse(stdout).dropped).toHaveLength(24);
  expect(JSON.parse((await tune('--restore', '--json')).stdout).restored).toHaveLength(24);
});

it('leaves the index of an app alone', async () => {
  await db.database.query('create index by_hash on tasker_tasks (identity_hash)');
  await tune('--yes');
  const [row] = await db.database.query<{ there: boolean }>(
    `select to_regclass('by_hash') is not null as there`,
  );
  expect(row).toEqual({ there: true });
});

it('says in one line why it cannot', async () => {
  await db.database.transaction(async (tx) => {
    await tx.query('select from tasker_tasks');
    const { status, stdout, stderr } = await tune('--yes', '--lock-timeout', '0.1s');
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^treadle: tasks_identity_hash_index: waited 0\.1 s for transactions of others .*\n$/,
    );
  });
});

it.each([
  [['--yes', '--dry-run'], "option '-y, --yes' cannot be used with option '--dry-run'"],
  [['--restore', '--only', 'duplicates'], "option '--restore' cannot be used with option '--only <which>'"],
  [['--only', 'unused'], "argument 'unused' is invalid"],
] as const)('refuses %j', async (args, problem) => {
  const { status, stderr } = await tune(...args);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
});

it('killed in the middle it forgets nothing, and the next run goes on', async () => {
  await killWhileItWaits('select from tasker_workflow_step_edges', '--yes');
  const half = await countIndexes();
  expect(half).toBeGreaterThan(99 - DISPENSABLE.size);
  expect(half).toBeLessThan(99);
  const { stdout } = await treadle(['doctor'], { url: db.url });
  expect(stdout).toMatch(/warn {2}indexes +idx_workflow_step_edges_dependency_lookup: half dropped/);
  expect(await tune('--yes')).toMatchObject({ status: 0 });
  expect(await countIndexes()).toBe(99 - DISPENSABLE.size);
  await tune('--restore');
  expect(await differences()).toEqual([]);
});

it('killed while it restores it goes on where it was', async () => {
  await tune('--yes');
  await killWhileItWaits('lock table tasker_workflow_step_edges in row exclusive mode', '--restore');
  expect(await differences()).not.toEqual([]);
  expect(await tune('--restore')).toMatchObject({ status: 0 });
  expect(await differences()).toEqual([]);
});

it('is advised by doctor, which finds nothing wrong with either', async () => {
  const check = async (): Promise<unknown> => {
    const { checks } = JSON.parse((await treadle(['doctor', '--json'], { url: db.url })).stdout);
    return checks.find(({ name }: { name: string }) => name === 'indexes');
  };
  expect(await check()).toMatchObject({
    status: 'ok',
    message: expect.stringMatching(/^no query needs 44 of 99 indexes: .* less CPU of Postgres per step/),
    advice: expect.stringContaining('"treadle tune indexes" lists them'),
  });
  await tune('--yes');
  expect(await check()).toEqual({
    name: 'indexes',
    status: 'ok',
    message: 'every index of the Rails tables is needed; 44 were dropped by "treadle tune indexes"',
  });
});
