import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTemplateDirectory } from '../../cli/template-files.ts';
import { Engine } from '../../engine/engine.ts';
import { listTasks } from '../../sql/reports.ts';
import { handlers, templates } from '../data/cli-project/treadle.app.ts';
import { PROJECT, startTreadle, treadle } from '../support/cli.ts';
import { testDatabase } from '../support/postgres.ts';

const db = testDatabase();
const ids = { complete: 0, failed: 0, queued: 0 };

beforeAll(async () => {
  const files = loadTemplateDirectory(`${PROJECT}templates`).map(({ template }) => template);
  const engine = new Engine({ database: db.database, templates: [...files, ...templates], handlers });
  const order = (context: object) => ({
    namespace_name: 'shop',
    name: 'order',
    context: { order_id: 1, total: 1, ...context },
  });
  await engine.start();
  ids.complete = (await engine.createTask(order({}))).task_id;
  ids.failed = (await engine.createTask(order({ code: 'declined' }))).task_id;
  await Promise.all([engine.waitForTask(ids.complete), engine.waitForTask(ids.failed)]);
  await engine.stop();
  const later = new Engine({ database: db.database });
  ids.queued = (await later.createTask(order({}))).task_id;
  await later.stop();
});
let started: ReturnType<typeof startTreadle> | undefined;
afterAll(() => started?.child.kill('SIGKILL'));

const cli = (...args: readonly (string | number)[]) => treadle(args.map(String), { url: db.url });

describe('treadle status', () => {
  it('draws the tree of a failed task and says why each step is where it is', async () => {
    const { status, stdout } = await cli('status', ids.failed);
    const [head, , context, steps, , ...tree] = stdout.trimEnd().split('\n');
    expect(status).toBe(0);
    expect(head).toMatch(/^task \d+ {2}shop\/order@1\.0\.0 {2}✖ error .+ ago, after /);
    expect(context).toBe('  context  {"code":"declined","total":1,"order_id":1}');
    expect(steps).toBe('  steps    2 of 5 done, 1 failed, 2 blocked');
    expect(tree).toEqual([
      expect.stringMatching(/^✔ validate +1\/3 +\S+ \S+$/),
      expect.stringMatching(/^├─ ✔ reserve +1\/3/),
      expect.stringMatching(/^└─ ✖ pay +\d\/3 .*failed for good at attempt 1 of \d: the card was declined$/),
      expect.stringMatching(/^○ ship <- reserve, pay +0\/3 +waits for pay \(error\)$/),
      expect.stringMatching(/^○ mail +0\/3 +waits for ship \(pending\)$/),
    ]);
  });

  it('gives the whole report with --json', async () => {
    const report = JSON.parse((await cli('status', ids.failed, '--json')).stdout);
    expect(report).toMatchObject({
      task_id: ids.failed,
      state: 'error',
      state_metadata: { reason: 'blocked_by_failures' },
    });
    expect(report.steps).toHaveLength(5);
    expect(report.steps[2]).toMatchObject({ name: 'pay', handler: 'Pay', state: 'error', verdict: 'failed' });
  });

  it('follows a task to its end with --watch, and ends with 1 when it failed', async () => {
    const [good, bad] = [
      await cli('status', ids.complete, '--watch'),
      await cli('status', ids.failed, '--watch'),
    ];
    expect([good.status, bad.status]).toEqual([0, 1]);
  });

  it('knows when there is no such task', async () => {
    expect(await cli('status', 987654)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'treadle: there is no task 987654\n',
    });
  });
});

describe('treadle tasks', () => {
  it('lists the newest first with counts by state', async () => {
    const { tasks, counts } = JSON.parse((await cli('tasks', '--json')).stdout);
    expect(tasks.map((task: { task_id: number }) => task.task_id)).toEqual([
      ids.queued,
      ids.failed,
      ids.complete,
    ]);
    expect(tasks[1]).toMatchObject({ state: 'error', steps: 5, processed_steps: 2 });
    expect(counts).toEqual({ pending: 1, complete: 1, error: 1 });
  });

  it('filters by what its options say', async () => {
    const options = [
      '--state',
      'pending',
      '--since',
      '1h',
      '--namespace',
      'shop',
      '--name',
      'order',
      '--limit',
      '5',
    ];
    const { tasks } = JSON.parse((await cli('tasks', '--json', ...options)).stdout);
    expect(tasks.map((task: { task_id: number }) => task.task_id)).toEqual([ids.queued]);
  });

  it.each([
    [{}, { state: 'error', limit: 9 }, ['failed']],
    [{}, { limit: 1 }, ['queued']],
    [{ name: 'order' }, { state: 'complete', limit: 9 }, ['complete']],
    [{ namespace: 'elsewhere' }, { limit: 9 }, []],
    [{ sinceSeconds: 0 }, { limit: 9 }, []],
  ] as const)('are read by filter %j and page %j', async (filter, page, names) => {
    const tasks = await listTasks(db.database, filter, page);
    expect(tasks.map(({ task_id }) => task_id)).toEqual(names.map((name) => ids[name]));
  });

  it('goes on with the next page', async () => {
    const { tasks } = JSON.parse((await cli('tasks', '--json', '--before', ids.failed)).stdout);
    expect(tasks.map((task: { task_id: number }) => task.task_id)).toEqual([ids.complete]);
  });

  it('prints a table for people', async () => {
    const { stdout } = await cli('tasks', '--state', 'error');
    expect(stdout).toMatch(/│ \d+ +│ shop\/order@1\.0\.0 │ ✖ error │ 2\/5 /);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('○ pending 1   ✔ complete 1   ✖ error 1');
  });
});

describe('without a live worker', () => {
  it('treadle templates says that nobody serves the handlers', async () => {
    const listed = JSON.parse((await cli('templates', '--json')).stdout).templates;
    expect(listed).toEqual([
      expect.objectContaining({ name: 'greet', handlers: [{ handler: 'Accept', workers: [] }] }),
      expect.objectContaining({
        name: 'order',
        handlers: [
          { handler: 'Accept', workers: [] },
          { handler: 'Pay', workers: [] },
        ],
      }),
    ]);
  });

  it('treadle run --wait says so at once, and Ctrl-C leaves the task alone', async () => {
    const args = ['run', 'shop/order', '-c', '{"order_id":1,"total":1}', '--wait'];
    started = startTreadle(args, { url: db.url });
    await started.says('no live worker serves Accept, Pay');
    started.child.kill('SIGINT');
    const { status, stderr } = await started.ended;
    expect(status).toBe(130);
    expect(stderr).toContain('no longer waiting; the tasks go on without this command');
  });

  it('treadle doctor says what waits for whom, and what to do', async () => {
    const { checks } = JSON.parse((await cli('doctor', '--json')).stdout);
    const named = Object.fromEntries(checks.map((check: { name: string }) => [check.name, check]));
    expect(named.workers).toMatchObject({ status: 'warn', advice: expect.stringContaining('treadle start') });
    expect(named.handlers).toMatchObject({
      message: expect.stringContaining('nobody serves Accept (shop/greet@1.0.0, shop/order@1.0.0'),
    });
    expect(named.queue).toMatchObject({ status: 'ok' });
    expect(named.invariants.message).toMatch(/^the rows of the newest \d+ tasks are sound$/);
  });

  it('treadle doctor names the rows that break an invariant', async () => {
    const [row] = await db.database.query<{ task_id: number }>(
      "update public.tasker_tasks set bypass_steps = '{}' where task_id = (select max(task_id) from public.tasker_tasks) returning task_id",
    );
    const { stdout, status } = await cli('doctor', '--all');
    expect(status).toBe(1);
    expect(stdout).toContain(
      `FAIL  invariants   1 broken in all tasks: task ${row?.task_id} bypass_steps must be a list (bypass_list)`,
    );
  });
});
