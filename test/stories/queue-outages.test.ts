// A queue outside of Postgres goes away and comes back, or a process dies between its commit and the queue: no task is lost,
// no step runs twice, and people are told. On a real Redis.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../../engine/engine.ts';
import { BullMqQueue } from '../../engine/queue/bullmq.ts';
import { migrate } from '../../sql/migrate.ts';
import { PROJECT, startTreadle, treadle } from '../support/cli.ts';
import { startEngine, type Work } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { LogBook } from '../support/logs.ts';
import { createTestDatabase, testDatabase } from '../support/postgres.ts';
import { noRedis, startRedis, type TestRedis } from '../support/redis.ts';

const home = testDatabase();
/** Whoever says it, the queue or the engine. */
const [AWAY, BACK] = [/is away/, /is back after/];
const NOBODY = 'redis+bullmq://user:secret@127.0.0.1:1/0';

/** An engine on this Redis that notes what it runs. */
async function engineOn(
  redis: TestRedis,
  template = templateOf({ only: [] }, { each: { handler_class: 'brief' } }),
) {
  const [runs, book] = [[] as string[], new LogBook()];
  const brief: Work = ({ step }) => void runs.push(`${step.workflow_step_id}/${step.attempt}`);
  const queue = new BullMqQueue({ url: redis.url, log: book.log });
  const options = { database: home.database, templates: [template], works: { brief }, queue, log: book.log };
  return { engine: await startEngine(options), template, runs, book };
}

async function statesOf(engine: Engine, taskIds: readonly number[]): Promise<string[]> {
  const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
  expect(await violations(home.database)).toEqual([]);
  return [...new Set(states)];
}

async function createSome(
  engine: Engine,
  { namespace_name, name }: { namespace_name: string; name: string },
) {
  const requests = Array.from({ length: 20 }, (_, n) => ({ namespace_name, name, context: { n } }));
  return (await engine.createTasks(requests)).map(({ task_id }) => task_id);
}

describe.skipIf(noRedis)(`a queue on a real Redis${noRedis === undefined ? '' : ` (${noRedis})`}`, () => {
  test('that is killed and started again: tasks wait in Postgres, health says so, and each step runs once', async () => {
    const redis = await startRedis();
    const { engine, template, runs, book } = await engineOn(redis);
    const before = await createSome(engine, template);
    expect(await statesOf(engine, before)).toEqual(['complete']);
    await redis.kill();
    const during = await createSome(engine, template);
    await book.says(AWAY);
    expect(await engine.health()).toMatchObject({ status: 'degraded', queue: { ok: false, waiting: 20 } });
    await redis.restart();
    expect(await statesOf(engine, during)).toEqual(['complete']);
    await book.says(BACK);
    expect([runs.length, new Set(runs).size]).toEqual([40, 40]);
    expect([book.messages(AWAY).length, book.messages(BACK).length]).toEqual([1, 1]);
    await expect.poll(() => engine.health()).toMatchObject({ status: 'ok', queue: { ok: true, waiting: 0 } });
  });

  test('that freezes holds no transaction open for longer than its adapter waits', async () => {
    const redis = await startRedis();
    const { engine, template, book } = await engineOn(redis);
    await createSome(engine, template);
    redis.freeze();
    const taskIds = await createSome(engine, template);
    await book.says(AWAY);
    const open = `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'
      and xact_start < clock_timestamp() - interval '4 seconds'`;
    const looks = await Promise.all([home.database.query(open), engine.health()]);
    expect([looks[0], looks[1].status]).toEqual([[], 'degraded']);
    redis.thaw();
    expect(await statesOf(engine, taskIds)).toEqual(['complete']);
  });

  test.each(['before', 'after'])(
    'to which a process dies on its way, %s the job is there: the task runs once elsewhere',
    async (moment) => {
      const redis = await startRedis();
      const template = templateOf({ only: [] }, { each: { handler_class: 'brief' } });
      await dyingClient(redis, JSON.stringify(template), moment);
      const [task] = await home.database.query<{ task_id: number }>(
        'select max(task_id) as task_id from public.tasker_tasks',
      );
      const { engine, runs } = await engineOn(redis, template);
      expect(await statesOf(engine, [task?.task_id ?? 0])).toEqual(['complete']);
      expect(runs).toHaveLength(1);
    },
  );
});

/** Resolves when the process has killed itself. */
async function dyingClient(redis: TestRedis, template: string, moment: string): Promise<void> {
  const script = join(import.meta.dirname, '..', 'support', 'dying-client-process.ts');
  const args = ['--import', 'tsx', script, home.url, redis.url, template, moment];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
}

describe('a queue that cannot be reached', () => {
  test('ends "treadle start" with one line and status 1, without the password', async () => {
    const options = { url: home.url, cwd: PROJECT, env: { TREADLE_QUEUE: NOBODY } };
    const { status, stderr } = await treadle(['start'], options);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^treadle: [^\n]*127\.0\.0\.1:1[^\n]*\n$/);
    expect(stderr).not.toContain('secret');
  });

  test('is shown by "treadle doctor", with what waits and what to do', async () => {
    const { url, database, drop } = await createTestDatabase();
    onTestFinished(drop);
    await migrate(database);
    await database.query(
      `insert into treadle.wakeups (task_id, run_at, reason) values (-1, now(), 'created')`,
    );
    const { stdout } = await treadle(['doctor', '--json'], { url, env: { TREADLE_QUEUE: NOBODY } });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; message: string; status: string }[] };
    const queue = checks.find(({ name }) => name === 'queue');
    expect(queue).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/127\.0\.0\.1:1.*1 tasks wait/),
    });
    expect(stdout).not.toContain('secret');
  });

  test('whose scheme nobody knows ends "treadle start" with one line and status 2', async () => {
    const options = { url: home.url, cwd: PROJECT };
    const { status, stderr } = await treadle(['start', '--queue', 'kafka://user:secret@host'], options);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^treadle: --queue: expected a URL that begins with one of [^\n]*, came kafka:\/\/host\n$/,
    );
  });
});

test.skipIf(noRedis)('"treadle start" runs on the queue that TREADLE_QUEUE names', async () => {
  const redis = await startRedis({ password: 'secret' });
  const env = { TREADLE_QUEUE: redis.url.replace('redis://', 'redis+bullmq://') };
  const started = startTreadle(['start'], { url: home.url, cwd: PROJECT, env });
  onTestFinished(() => void started.child.kill('SIGKILL'));
  await started.says('"ready"');
  const made = await treadle(['run', 'shop/order', '-c', '{"order_id":1,"total":1}', '--wait'], {
    url: home.url,
  });
  expect(made.status).toBe(0);
  started.child.kill('SIGTERM');
  const { stdout, stderr } = await started.ended;
  expect(stdout).toContain('"queue":"bullmq"');
  expect(stdout + stderr).not.toContain('secret');
});
