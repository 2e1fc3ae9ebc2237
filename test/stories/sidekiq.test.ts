// A team's own Sidekiq brings tasks back to the engine: real Sidekiq 6.4 processes, a real Redis, a real engine behind gRPC.
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RetryableError } from '../../core/errors.ts';
import type { TaskTemplate } from '../../core/template/template.ts';
import { jobFor } from '../../engine/queue/trial.ts';
import { SidekiqQueue, type SidekiqQueueOptions } from '../../engine/queue/sidekiq/sidekiq.ts';
import { create, eventually, type Works } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { serve } from '../support/grpc-servers.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { serveRunTask } from '../support/run-task-server.ts';
import { noSidekiq, runRuby, startSidekiq } from '../support/sidekiq.ts';
import { stateOfTask, statesThrough } from '../support/trail.ts';

const home = testDatabase();
const log = pino({ level: 'silent' });
const NOBODY = '127.0.0.1:1';
/** Seconds that the oldest job of this queue has waited, as Sidekiq itself reads its times. */
const latency = async (queue: string, redisUrl: string) =>
  Number(await runRuby(`require "sidekiq/api"; puts Sidekiq::Queue.new("${queue}").latency`, { redisUrl }));
const pair = () => templateOf({ pack: [], ship: ['pack'] });
const quick: Works = { pack: () => 'packed', ship: () => 'shipped' };

/** An engine whose queue is this Sidekiq, with the address for its RunTask. New tasks are started by nothing else. */
async function world(template: TaskTemplate, works: Works, options: Partial<SidekiqQueueOptions> = {}) {
  const server = await startRedis();
  const redis = new Redis(server.url).on('error', () => {}); // a test kills the server
  onTestFinished(() => redis.disconnect());
  const queue = new SidekiqQueue({ redis: server.url, log, ...options });
  const served = await serve({
    database: home.database,
    templates: [template],
    works,
    engine: { queue, sweepSeconds: 3600 },
  });
  return { ...served, redisServer: server, redis, redisUrl: server.url, queue };
}

/** A task as an app writes it that has the tables and no Treadle. */
async function insertAsRails({ name }: TaskTemplate): Promise<number> {
  const [task] = await home.database.query<{ task_id: number }>(
    `insert into public.tasker_tasks (named_task_id, requested_at, identity_hash, context, created_at, updated_at)
     select named_task_id, now(), gen_random_uuid()::text, '{}', now(), now()
     from public.tasker_named_tasks where name = $1
     returning task_id`,
    [name],
  );
  const taskId = task?.task_id ?? 0;
  await home.database.query(
    `insert into public.tasker_workflow_steps (task_id, named_step_id, retryable, retry_limit, inputs, created_at, updated_at)
     select $1, named_step_id, true, 3, '{}', now(), now()
     from public.tasker_named_tasks_named_steps join public.tasker_named_tasks using (named_task_id) where name = $2`,
    [taskId, name],
  );
  return taskId;
}

/** Makes everything that the queue was given a minute older. */
async function aMinuteLater(): Promise<void> {
  await home.database.query(
    `update treadle.wakeups set run_at = run_at - interval '1 minute', handed_at = handed_at - interval '1 minute'`,
  );
}

describe.skipIf(noSidekiq)('Sidekiq', () => {
  test('starts the tasks, again when a retry is due, and has nothing left at the end', async () => {
    const template = pair();
    const pack = ({ step }: { step: { attempt: number } }) => {
      if (step.attempt === 1) throw new RetryableError('the packer is asleep', { retryAfter: 1 });
      return 'packed';
    };
    const { engine, address, redis, redisUrl } = await world(template, { ...quick, pack });
    const taskIds = await Promise.all(Array.from({ length: 20 }, () => create(engine, template)));
    await startSidekiq({ redisUrl, target: address });
    const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
    expect(new Set(states)).toEqual(new Set(['complete']));
    const through = ['in_progress', 'pending', 'in_progress', 'complete'];
    expect(await statesThrough(home.database, 'task', taskIds[0] ?? 0)).toEqual(through);
    expect(await redis.exists('retry', 'dead')).toBe(0);
    expect(await violations(home.database)).toEqual([]);
  });

  test('that is killed with jobs in its hands loses none: they are handed over again', async () => {
    const template = pair();
    const { engine, address, redis, redisUrl } = await world(template, quick);
    const asked = new Set<number>();
    const deaf = await serveRunTask((taskId) => new Promise(() => asked.add(taskId)));
    onTestFinished(() => deaf.close());
    const first = await startSidekiq({ redisUrl, target: deaf.target, concurrency: 10 });
    const taskIds = await Promise.all(Array.from({ length: 10 }, () => create(engine, template)));
    await eventually(
      async () => asked.size,
      (tasks) => tasks === taskIds.length,
    );
    await first.kill();
    expect(await redis.exists('queue:default', 'retry', 'schedule')).toBe(0); // Sidekiq has lost them
    expect(await stateOfTask(home.database, taskIds[0] ?? 0)).toBe('pending');
    await startSidekiq({ redisUrl, target: address });
    await aMinuteLater();
    const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
    expect(states).toEqual(taskIds.map(() => 'complete'));
  });

  test('gets the tasks that were created while its Redis was away', async () => {
    const template = pair();
    const { engine, address, redisServer, redisUrl } = await world(template, quick);
    await startSidekiq({ redisUrl, target: address });
    await redisServer.kill();
    const taskIds = await Promise.all(Array.from({ length: 5 }, () => create(engine, template)));
    await redisServer.restart();
    const states = await Promise.all(taskIds.map((taskId) => engine.waitForTask(taskId)));
    expect(states).toEqual(taskIds.map(() => 'complete'));
  });

  test('asks the next engine when the first is away', async () => {
    const template = pair();
    const { engine, address, redisUrl } = await world(template, quick);
    await startSidekiq({ redisUrl, target: `${NOBODY},${address}` });
    expect(await engine.waitForTask(await create(engine, template))).toBe('complete');
  });

  test('keeps a job for later while no engine answers', async () => {
    const template = pair();
    const { engine, address, redis, redisUrl } = await world(template, quick);
    const away = await startSidekiq({ redisUrl, target: NOBODY });
    const taskId = await create(engine, template);
    await eventually(
      () => redis.zcard('retry'),
      (jobs) => jobs === 1,
    );
    await away.stop();
    await startSidekiq({ redisUrl, target: address });
    expect(await engine.waitForTask(taskId)).toBe('complete');
    expect(await redis.zcard('retry')).toBe(0);
  });

  test.each(['treadle', 'active_job'] as const)('drops a job of a task that is gone (%s)', async (mode) => {
    const template = pair();
    const { engine, address, queue, redis, redisUrl } = await world(template, quick, { mode });
    const gone = { task_id: 999_999_999, run_at: undefined, reason: 'created', priority: 0 } as const;
    await queue.enqueue([{ ...gone, dedupe_key: 'gone', correlation_id: 'gone' }]);
    const last = await create(engine, template);
    const sidekiq = await startSidekiq({ redisUrl, target: address, concurrency: 1 });
    await sidekiq.says(/this task is unknown; the job is dropped task_id=999999999 /);
    expect(await engine.waitForTask(last)).toBe('complete');
    expect(await redis.exists('retry', 'schedule', 'dead')).toBe(0);
    expect(await redis.keys('treadle:pending:*')).toEqual([]);
  });

  test('6.4 runs jobs of every format, and reads the times of its own as seconds', async () => {
    const { url } = await startRedis();
    const ran: number[] = [];
    const server = await serveRunTask(async (taskId) => void ran.push(taskId));
    onTestFinished(() => server.close());
    for (const format of [6, 7, 8] as const) {
      const queue = new SidekiqQueue({ redis: url, log, format, queue: `format${format}` });
      await queue.enqueue([jobFor(format), jobFor(format * 10, { inMs: 500 })]);
    }
    const latencies = [await latency('format6', url), await latency('format7', url)];
    expect(latencies.every((seconds) => seconds >= 0 && seconds < 600)).toBe(true);
    await startSidekiq({ redisUrl: url, target: server.target, queues: ['format6', 'format7', 'format8'] });
    await eventually(
      async () => ran.toSorted((a, b) => a - b),
      (ids) => ids.join() === '6,7,8,60,70,80',
      60_000,
    );
  });

  test('runs our job as one of ActiveJob in an application that has it', async () => {
    const template = pair();
    const { engine, address, redis, redisUrl } = await world(template, quick, { mode: 'active_job' });
    await startSidekiq({ redisUrl, target: address });
    expect(await engine.waitForTask(await create(engine, template))).toBe('complete');
    expect(await redis.keys('treadle:pending:*')).toEqual([]);
  });

  test.each([
    ['by a method', 'Treadle.take_over_task_runner!'],
    [
      'by the constant',
      'Tasker.send(:remove_const, :TaskRunnerJob); Tasker::TaskRunnerJob = Treadle::TaskRunnerJob',
    ],
  ])(
    'gets the tasks that a Rails app enqueues, once its job class is switched %s',
    async (_how, switched) => {
      const template = pair();
      const { engine, address, redisUrl } = await world(template, quick);
      const taskId = await insertAsRails(template);
      await startSidekiq({ redisUrl, target: address });
      const rails = 'require "./test/support/sidekiq/rails_engine"; require "treadle/active_job"';
      const enqueue = `Tasker::TaskRunnerJob.perform_later(${taskId}, correlation_id: "abc")`;
      await runRuby(`${rails}; ${switched}; ${enqueue}`, { redisUrl });
      expect(await engine.waitForTask(taskId)).toBe('complete');
    },
  );

  test('gets jobs of the Rails engine that were enqueued before the switch', async () => {
    const template = pair();
    const { engine, address, redisUrl } = await world(template, quick);
    const taskId = await insertAsRails(template);
    const rails = 'require "./test/support/sidekiq/rails_engine"';
    await runRuby(`${rails}; Tasker::TaskRunnerJob.perform_later(${taskId})`, { redisUrl });
    await startSidekiq({ redisUrl, target: address, file: 'switched.rb' });
    expect(await engine.waitForTask(taskId)).toBe('complete');
  });

  test('hands tasks to the job of the Rails engine, now and later, where it is to run them', async () => {
    const { queue, redis, redisUrl } = await world(pair(), quick, { mode: 'tasker' });
    const rails = await startSidekiq({ redisUrl, file: 'rails_engine.rb' });
    const job = { reason: 'created', priority: 0, dedupe_key: '7', correlation_id: 'c' } as const;
    await queue.enqueue([
      { ...job, task_id: 7, run_at: undefined },
      { ...job, task_id: 8, dedupe_key: '8', run_at: new Date(Date.now() + 500) },
    ]);
    expect(await rails.says(/^Tasker::TaskRunnerJob 7/)).toBe('Tasker::TaskRunnerJob 7 nil default 1');
    expect(await rails.says(/^Tasker::TaskRunnerJob 8/)).toBe('Tasker::TaskRunnerJob 8 nil default 1');
    expect(await redis.exists('retry', 'dead')).toBe(0);
  });
});
