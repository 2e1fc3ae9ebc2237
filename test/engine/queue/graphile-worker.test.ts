// The adapter around graphile-worker, on a real Postgres: what is enqueued arrives, once, and commits with its transaction.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { dedupeKey, type TaskJob } from '../../../engine/queue/adapter.ts';
import { GraphileWorkerQueue } from '../../../engine/queue/graphile-worker.ts';
import { eventually, Signal } from '../../support/engines.ts';
import { LogBook } from '../../support/logs.ts';
import { testDatabase } from '../../support/postgres.ts';
import { inRolledBackTransaction } from '../../support/rolled-back.ts';

const home = testDatabase();

async function installed(
  log = pino({ level: 'silent' }),
  pollIntervalMs = 1000,
): Promise<GraphileWorkerQueue> {
  const queue = new GraphileWorkerQueue({ database: home.database, log, pollIntervalMs });
  await queue.install();
  await home.database.query('delete from graphile_worker._private_jobs');
  onTestFinished(() => queue.stop());
  return queue;
}

const job = (task_id: number, run_at?: Date): TaskJob => ({
  task_id,
  run_at,
  reason: 'created',
  dedupe_key: dedupeKey(task_id),
  priority: 0,
  correlation_id: 'test',
});

async function jobs() {
  return home.database.query<{ task_id: number; run_at: Date }>(
    `select (payload ->> 'task_id')::integer as task_id, run_at from graphile_worker._private_jobs order by 1`,
  );
}

test('a job arrives and is gone', async () => {
  const [queue, ran] = [await installed(), [] as number[]];
  await queue.enqueue([job(1), job(2)]);
  await queue.start(async (taskId) => void ran.push(taskId));
  await eventually(jobs, (waiting) => waiting.length === 0);
  expect(ran.toSorted((a, b) => a - b)).toEqual([1, 2]);
});

test('a job that comes while the queue runs arrives too', async () => {
  const [queue, ran] = [await installed(), [] as number[]];
  await queue.start(async (taskId) => void ran.push(taskId));
  await queue.enqueue([job(3)]);
  await eventually(
    async () => ran,
    (seen) => seen.includes(3),
  );
});

test('a job for later replaces the one of the same task that waits', async () => {
  const queue = await installed();
  const [late, later] = [new Date('2031-01-01T00:00:00Z'), new Date('2032-01-01T00:00:00Z')];
  await queue.enqueue([job(1, late)]);
  await queue.enqueue([job(1, later)]);
  expect(await jobs()).toEqual([{ task_id: 1, run_at: later }]);
});

test('a job vanishes with the transaction that wrote it', async () => {
  const queue = await installed();
  await inRolledBackTransaction(home.database, (tx) => queue.enqueueInTransaction(tx, [job(1)]));
  expect(await jobs()).toEqual([]);
});

test('a job whose task could not be started stays, and health says so', async () => {
  const queue = await installed();
  await queue.enqueue([job(1)]);
  await queue.start(async () => {
    throw new Error('not now');
  });
  const health = await eventually(
    () => queue.health(),
    ({ message }) => message.includes('1 being retried'),
  );
  expect(health.ok).toBe(true);
});

test('two may install it at once', async () => {
  const [one, two] = [await installed(), await installed()];
  await expect(Promise.all([one.install(), two.install()])).resolves.toBeDefined();
});

test('a runner that gives up is started again, and jobs arrive as before', async () => {
  const [book, ran] = [new LogBook(), [] as number[]];
  const queue = await installed(book.log);
  await queue.start(async (taskId) => void ran.push(taskId));
  const listening = `select from pg_stat_activity where datname = current_database() and query like 'LISTEN "jobs:insert"%'`;
  await eventually(
    () => home.database.query(listening),
    (sessions) => sessions.length === 1,
  );
  // what it answers to by ending
  await home.database.query(
    `select pg_notify('worker:migrate', '{"breaking": true, "migrationNumber": 999}')`,
  );
  await book.says(/gave up; starting it again/);
  process.exitCode = undefined; // it has set one
  await queue.enqueue([job(4)]);
  await eventually(
    async () => ran,
    (seen) => seen.includes(4),
  );
});

test('a queue whose connections are all cut goes on', async () => {
  const [queue, ran] = [await installed(), [] as number[]];
  await queue.start(async (taskId) => void ran.push(taskId));
  await home.database.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'treadle queue'`,
  );
  await queue.enqueue([job(5)]);
  await eventually(
    async () => ran,
    (seen) => seen.includes(5),
  );
});

test('a delayed job arrives when the queue was told that it comes due, though nobody polls', async () => {
  const never = 2 ** 31 - 1;
  const [queue, arrived] = [await installed(pino({ level: 'silent' }), never), new Signal()];
  await queue.start(async () => arrived.happen());
  await queue.enqueue([job(6, new Date(Date.now() + 300))]);
  queue.jobDueIn(300);
  await expect(arrived.happened).resolves.toBeUndefined();
});

test('a job that was added while the queue could not hear of it is found when it can again', async () => {
  const never = 2 ** 31 - 1;
  const [queue, arrived] = [await installed(pino({ level: 'silent' }), never), new Signal()];
  await queue.start(async () => arrived.happen());
  const listening = `select pid from pg_stat_activity where datname = current_database() and query like 'LISTEN "jobs:insert"%'`;
  await eventually(
    () => home.database.query(listening),
    (sessions) => sessions.length === 1,
  );
  await home.database.query(`select pg_terminate_backend(pid) from (${listening}) l`);
  await queue.enqueue([job(7)]);
  await expect(arrived.happened).resolves.toBeUndefined();
});
