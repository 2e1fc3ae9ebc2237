// `treadle prune` as a user runs it.
import { beforeEach, expect, it } from 'vitest';
import { carryOut, moveClock, startedWorld, type World } from '../support/factories.ts';
import { startTreadle, treadle } from '../support/cli.ts';
import { eventually } from '../support/engines.ts';
import { testDatabase } from '../support/postgres.ts';

const db = testDatabase();
const prune = (...args: readonly string[]) => treadle(['prune', ...args], { url: db.url });

async function finished(): Promise<World> {
  const world = await startedWorld(db.database, { a: [] });
  await carryOut(world, 'a');
  return world;
}

async function countTasks(): Promise<number> {
  const [row] = await db.database.query<{ count: number }>('select count(*) from tasker_tasks');
  return row?.count ?? 0;
}

beforeEach(async () => {
  await db.database.query('truncate tasker_tasks cascade');
  await db.database.query('delete from treadle.clock');
});

it('removes what ended before, and says how much', async () => {
  await finished();
  await finished();
  await moveClock(db.database, 31 * 86_400);
  await finished();
  expect(await prune('--older-than', '30d')).toEqual({
    status: 0,
    stdout: 'removed 2 tasks with 2 steps, 12 rows in all\n',
    stderr: '',
  });
  expect(await countTasks()).toBe(1);
});

it('says with --dry-run what would go by template, and removes nothing', async () => {
  await finished();
  await moveClock(db.database, 31 * 86_400);
  const { stdout } = await prune('--older-than', '2w', '--dry-run');
  expect(stdout).toMatch(/│ test\/task_\S+@0\.1\.0 │ 1 +│ 1 +│ 6 +│/);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('would remove 1 task with 1 step, 6 rows in all');
  expect(await countTasks()).toBe(1);
});

it('gives one document with --json', async () => {
  await finished();
  await moveClock(db.database, 31 * 86_400);
  const counts = { tasks: 1, steps: 1, row_count: 6 };
  const dry = JSON.parse((await prune('--older-than', '30d', '--dry-run', '--json')).stdout);
  expect(dry).toEqual({ dry_run: true, ...counts, templates: [expect.objectContaining(counts)] });
  const { stdout } = await prune('--older-than', '30d', '--json');
  expect(JSON.parse(stdout)).toEqual({ ...counts, kept: [], interrupted: false });
});

it.each([
  [['--namespace', 'elsewhere'], 1],
  [['--namespace', 'test'], 0],
  [['--state', 'cancelled,error'], 1],
  [['--state', 'cancelled', '--state', 'complete'], 0],
] as const)('with %j it leaves %i of one task', async (options, left) => {
  await finished();
  await moveClock(db.database, 31 * 86_400);
  await prune('--older-than', '30d', ...options);
  expect(await countTasks()).toBe(left);
});

it('names the constraint by which rows of an app keep a task, and ends with 1', async () => {
  const world = await finished();
  await finished();
  await db.database.query(
    'create table orders (task_id bigint constraint orders_task references tasker_tasks)',
  );
  await db.database.query('insert into orders values ($1)', [world.taskId]);
  await moveClock(db.database, 31 * 86_400);
  const { status, stdout, stderr } = await prune('--older-than', '30d');
  await db.database.query('drop table orders');
  expect([status, stdout]).toEqual([1, 'removed 1 task with 1 step, 6 rows in all\n']);
  expect(stderr).toContain('kept 1 task: rows of orders refer to them (constraint orders_task)');
  expect(await countTasks()).toBe(1);
});

it.each([
  [[], `required option '--older-than <duration>' not specified`],
  [['--older-than', '30'], 'Expected a duration like 90s, 15m, 1h or 7d.'],
  [
    ['--older-than', '30d', '--state', 'pending'],
    'Expected some of complete, cancelled, resolved_manually, error.',
  ],
] as const)('refuses %j', async (args, problem) => {
  const { status, stderr } = await prune(...args);
  expect(status).toBe(2);
  expect(stderr).toContain(problem);
});

it('killed in the middle it keeps what it has done, and the next run goes on', async () => {
  const worlds: World[] = [];
  for (let made = 0; made < 10; made += 1) worlds.push(await finished());
  await moveClock(db.database, 31 * 86_400);
  await db.database.transaction(async (tx) => {
    await tx.query('select from tasker_workflow_steps where task_id = $1 for update', [worlds[4]?.taskId]);
    const running = startTreadle(['prune', '--older-than', '30d', '--batch', '1'], { url: db.url });
    await eventually(countTasks, (left) => left === 6); // it waits for the fifth
    running.child.kill('SIGKILL');
    await running.ended;
  });
  expect(await prune('--older-than', '30d')).toMatchObject({ status: 0 });
  expect(await eventually(countTasks, (left) => left === 0)).toBe(0); // what was killed may still end its statement
});
