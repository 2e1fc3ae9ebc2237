// `treadle tune functions` as a person runs it, on an adopted database of a Rails app.
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { keptCounts } from '../../sql/function-tuning/kept-counts.ts';
import { startTreadle, treadle, type CliResult } from '../support/cli.ts';
import { violations } from '../support/invariants.ts';
import { copyOf, createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { catalogOf, createAdopted } from '../support/rails-originals.ts';

/** Several processes, one after the other. */
const SLOW = { timeout: 180_000 };

let adopted: TestDatabase;
let home: TestDatabase;
beforeAll(async () => {
  adopted = await createAdopted();
}, 60_000);
beforeEach(async () => {
  home = await copyOf(adopted);
});
afterEach(() => home.drop());
afterAll(() => adopted.drop());

const tune = (...args: readonly string[]): Promise<CliResult> =>
  treadle(['tune', 'functions', ...args], { url: home.url });

async function doctor(): Promise<unknown> {
  const { stdout } = await treadle(['doctor', '--json'], { url: home.url });
  const { checks } = JSON.parse(stdout) as { checks: { name: string }[] };
  return checks.find(({ name }) => name === 'functions');
}

it.each([[[]], [['--dry-run']]])('with %j it shows what it would do, and changes nothing', async (args) => {
  const before = await catalogOf(home);
  const { status, stdout } = await tune(...args);
  expect(status).toBe(0);
  expect(stdout).toMatch(/│ tasker_step_dag_relationships +│ of the app +│ \d+(\.\d)? ms +│ Treadle's +│/);
  expect(stdout).toMatch(/│ +│ counts of states are not kept +│ +│ kept from then on +│/);
  expect(stdout).toContain('nothing was changed; the same with --yes replaces them, and --restore brings');
  expect(await catalogOf(home)).toEqual(before);
});

it('replaces with --yes, says what was gained, and brings it back with --restore', SLOW, async () => {
  const before = await catalogOf(home);
  const { status, stdout, stderr } = await tune('--yes');
  expect([status, stderr]).toEqual([0, expect.stringMatching(/triggers of tasker_tasks: at attempt \d+, under its lock for at most \d+ ms\n/)]); // prettier-ignore
  expect(stdout).toMatch(/│ get_analytics_metrics_v01 +│ \d+(\.\d)? ms +│ \d+(\.\d)? ms +│/);
  expect(stdout).toMatch(/\nreplaced 10 definitions; counts of states are kept; "treadle tune functions --restore" brings back what was there\n$/); // prettier-ignore
  expect(await tune('--yes')).toMatchObject({ status: 0, stdout: 'nothing to replace\n' });
  expect((await tune()).stdout).toMatch(/\nnothing to replace\n$/);
  expect((await tune('--restore', '--dry-run')).stdout).toContain('12 triggers that count states would go\n');
  expect((await tune('--restore')).stdout).toBe(
    'restored 10 definitions; the triggers that count states are gone\n',
  );
  expect((await tune('--restore')).stdout).toBe('nothing to restore\n');
  expect(await catalogOf(home)).toEqual(before);
});

it('gives one document with --json, and takes only the reports when it is told so', SLOW, async () => {
  const plan = JSON.parse((await tune('--only', 'reports', '--json')).stdout);
  expect(plan).toMatchObject({ dry_run: true, level: 'reports', counts: { triggers: 0, of: 12 } });
  expect(plan.objects).toHaveLength(5);
  const { stdout, stderr } = await tune('--only', 'reports', '--yes', '--json');
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject({ left: [], counted: true, tables_locked: 4, interrupted: false });
  expect(JSON.parse(stdout).replaced).toContainEqual({
    object_name: 'get_system_health_counts_v01',
    before_ms: expect.any(Number),
    after_ms: expect.any(Number),
  });
  expect(JSON.parse((await tune('--restore', '--json')).stdout).restored).toHaveLength(5);
});

it('says what stays, and why', async () => {
  await home.database.query('alter function get_system_health_counts_v01() security definer');
  const { status, stdout } = await tune();
  expect(status).toBe(0);
  expect(stdout).toContain('stays: get_system_health_counts_v01, it is security definer\n');
});

it('killed between two tables it is believed by nobody, and the next run goes on', SLOW, async () => {
  await home.database.transaction(async (tx) => {
    await tx.query('lock table tasker_workflow_steps in row exclusive mode');
    const running = startTreadle(['tune', 'functions', '--yes'], { url: home.url });
    await running.says('triggers of tasker_workflow_step_transitions');
    running.child.kill('SIGKILL');
    expect((await running.ended).status).toBeNull();
  });
  expect(await keptCounts(home.database)).toMatchObject({ triggers: 9, counted_at: null });
  expect(await violations(home.database)).toEqual([]);
  expect((await tune()).stdout).toContain('counts of states: 9 of 12 triggers');
  expect(await doctor()).toMatchObject({
    status: 'warn',
    message: expect.stringMatching(/^9 of 12 triggers count states/),
  });
  expect(await tune('--yes')).toMatchObject({ status: 0 });
  expect(await violations(home.database)).toEqual([]);
  expect(await doctor()).toMatchObject({
    status: 'ok',
    message: expect.stringMatching(/^10 of the view .* 0 of the app$/),
  });
});

it('is named by doctor, where an app has its own', async () => {
  expect(await doctor()).toEqual({
    name: 'functions',
    status: 'ok',
    message: "0 of the view and functions in public are Treadle's, 10 of the app",
    advice: expect.stringContaining('"treadle tune functions" shows how long they take here'),
  });
});

it('interrupted it ends what it is at, and says that there is more', SLOW, async () => {
  await home.database.transaction(async (tx) => {
    await tx.query('lock table tasker_workflow_steps in row exclusive mode');
    const running = startTreadle(['tune', 'functions', '--yes'], { url: home.url });
    await running.says('triggers of tasker_workflow_step_transitions');
    running.child.kill('SIGINT');
    expect(await running.ended).toMatchObject({
      status: 130,
      stderr: expect.stringContaining('interrupted; run it again to go on\n'),
    });
  });
});

it('gives up on a lock in one line that names who holds it', async () => {
  await home.database.transaction(async (tx) => {
    await tx.query('lock table tasker_tasks in row exclusive mode');
    const { status, stderr } = await tune('--yes', '--patience', '0.1s');
    expect(status).toBe(1);
    expect(stderr).toMatch(/\ntreadle: tasker_tasks needs a moment in which nobody uses it: none came in \d+ attempts; process \d+, "treadle test"/); // prettier-ignore
  });
});

it('refuses a database that Treadle made, and one that was never migrated', async () => {
  const [made, empty] = [await createTestDatabase(), await createEmptyDatabase()];
  const run = ({ url }: TestDatabase): Promise<CliResult> => treadle(['tune', 'functions'], { url });
  const said = [await run(made), await run(empty)].map(({ status, stderr }) => [status, stderr]);
  await Promise.all([made.drop(), empty.drop()]);
  expect(said).toEqual([
    [1, expect.stringMatching(/^treadle: expected a database that "treadle adopt" took over .*already\n$/)],
    [
      1,
      expect.stringMatching(/^treadle: this database has not been migrated: run "treadle migrate" first\n$/),
    ],
  ]);
});

it.each([
  [['--yes', '--dry-run'], "option '-y, --yes' cannot be used with option '--dry-run'"],
  [['--restore', '--only', 'reports'], "option '--restore' cannot be used with option '--only <which>'"],
] as const)('refuses %j', async (args, problem) => {
  const { status, stderr } = await tune(...args);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
});
