// `treadle adopt` as a person runs it: it looks, refuses, adopts, and goes on after a kill -9.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrationStatus } from '../../sql/migrate.ts';
import { startTreadle, treadle, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/engines.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { createRailsHistory, keptSteps, registerHistoryTemplate } from '../support/rails-database.ts';

const TASKS = 200;
/** Several processes, one after the other. */
const SLOW = { timeout: 180_000 };

let rails: Awaited<ReturnType<typeof createRailsHistory>>;
beforeEach(async () => {
  rails = await createRailsHistory(TASKS);
});
afterEach(() => rails.drop());

const run = (...args: readonly string[]): Promise<CliResult> =>
  treadle(['adopt', ...args], { url: rails.url });

const isThere = async ({ database }: TestDatabase): Promise<boolean> => {
  const [row] = await database.query<{ there: boolean }>(
    `select to_regnamespace('treadle') is not null as there`,
  );
  return row?.there === true;
};

async function breakOneTask(): Promise<void> {
  await rails.database.query(
    `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
     select workflow_step_id, workflow_step_id, 'provides', now(), now()
     from tasker_workflow_steps where task_id = 5 order by workflow_step_id limit 1`,
  );
}

/** Adopts, and kills it at a moment when it waits for what `blocking` holds, and `begun` says that it has come so far. */
async function killInTheMiddle(blocking: string, begun: () => Promise<boolean>): Promise<void> {
  await rails.database.transaction(async (tx) => {
    await tx.query(blocking);
    const running = startTreadle(['adopt', '--yes'], { url: rails.url });
    await eventually(begun, (yes) => yes, 60_000);
    running.child.kill('SIGKILL');
    expect((await running.ended).status).toBeNull();
  });
}

it('--check says what is there, how long it takes and what it locks, and makes nothing', async () => {
  const { status, stdout } = await run('--check');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^look {2}\d+ steps failed with attempts left: .*\n +-> Treadle retries them/m);
  expect(stdout).toMatch(/│ bench\/history@1\.0\.0 +│ 100 +│ 1000 +│/);
  expect(stdout).toMatch(/^lock: SHARE ROW EXCLUSIVE on tasker_task_transitions/m);
  expect(stdout).toMatch(
    /\ncan be adopted, in about \d+\.\d s, while everything runs\nafterwards: "treadle tune functions" makes its reports fast.*\n$/,
  );
  expect(await isThere(rails)).toBe(false);
});

it('--check --json is one document, and exit 1 says that something must be mended', async () => {
  await breakOneTask();
  const { status, stdout, stderr } = await run('--check', '--json');
  expect([status, stderr]).toEqual([1, '']);
  expect(JSON.parse(stdout)).toMatchObject({
    can_be_adopted: false,
    differences: [],
    findings: expect.arrayContaining([
      expect.objectContaining({ name: 'acyclic', must_mend: true, examples: [5] }),
    ]),
  });
});

it('refuses what must be mended, and begins nothing', async () => {
  await breakOneTask();
  const { status, stdout } = await run('--yes');
  expect(status).toBe(1);
  expect(stdout).toMatch(/^MEND {2}1 task whose steps wait for each other in a circle/m);
  expect(stdout).toMatch(/\n1 thing must be mended first; nothing was changed\n$/);
  expect(await isThere(rails)).toBe(false);
});

it('asks before it begins; where nobody can be asked it wants --yes', async () => {
  const { status, stderr } = await run();
  expect(status).toBe(2);
  expect(stderr).toMatch(/treadle: nothing was changed: expected --yes, for nobody can be asked here/);
  expect(await isThere(rails)).toBe(false);
});

it('adopts, says what is to be done next, and can be run again once templates are there', SLOW, async () => {
  const first = await run('--yes');
  expect(first).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+ migrations applied, 0 unfinished tasks of 100 adopted\n$/),
  });
  expect(first.stderr).toContain('tasks come under Treadle when an engine registers a template for them');
  expect(first.stderr).toMatch(/\nnext: "treadle tune functions" makes its reports fast.*\n$/);
  await registerHistoryTemplate(rails.database);
  const { stdout } = await run('--yes', '--json');
  expect(JSON.parse(stdout)).toEqual({
    applied: [],
    lock_attempts: 0,
    locks_ms: 0,
    looked_at: 100,
    adopted: 100,
    interrupted: false,
  });
  expect(await keptSteps(rails.database)).toEqual(rails.kept);
});

it(
  'killed before the triggers it has changed no table of Rails, and the next run goes on',
  SLOW,
  async () => {
    await killInTheMiddle('lock table tasker_task_transitions in row exclusive mode', () => isThere(rails));
    expect((await migrationStatus(rails.database)).pending[0]).toBe('0003_change_triggers');
    expect((await run('--yes')).stdout).toMatch(
      /^\d+ migrations applied, 0 unfinished tasks of 100 adopted\n$/,
    );
    expect((await migrationStatus(rails.database)).pending).toEqual([]);
  },
);

it(
  'killed among the tasks it keeps those that it has adopted, and the next run adopts the others',
  SLOW,
  async () => {
    await run('--yes');
    await registerHistoryTemplate(rails.database);
    const adopted = async (): Promise<number> => {
      const [row] = await rails.database.query<{ count: number }>('select count(*) from treadle.open_tasks');
      return row?.count ?? 0;
    };
    await killInTheMiddle(
      'select from tasker_tasks where task_id = 155 for update',
      async () => (await adopted()) > 0,
    );
    const before = await adopted();
    expect(before).toBeLessThan(100);
    const { stdout } = await run('--yes', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ adopted: 100 - before, interrupted: false });
    expect(await keptSteps(rails.database)).toEqual(rails.kept);
  },
);

it('"treadle migrate" adopts as before, and says that this is the better way', async () => {
  const { status, stdout, stderr } = await treadle(['migrate'], { url: rails.url });
  expect([status, stdout]).toEqual([
    0,
    expect.stringContaining('the tables belong to a Rails app and were left as they are'),
  ]);
  expect(stderr).toContain(
    'note: where an app writes at this moment, "treadle adopt" looks at its rows first',
  );
});
