// The sweep at work in a running engine: whatever was lost on the way, tasks come to their end. And old ones go.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { InMemoryQueue } from '../../engine/queue/in-memory.ts';
import {
  create,
  eventually,
  runToEnd,
  Signal,
  startEngine,
  untilAborted,
  type Work,
  type Works,
} from '../support/engines.ts';
import { idOf, moveClock, stepIdsOf, templateOf, writeAsRails, type World } from '../support/factories.ts';
import { createTestDatabase, testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps } from '../support/trail.ts';

const home = testDatabase();
const OFTEN = { sweepSeconds: 1 };

/** Takes every job and never brings one back. */
class LosingQueue implements QueueAdapter {
  readonly name = 'losing';
  readonly durable = true;
  async install(): Promise<void> {}
  async enqueue(): Promise<void> {}
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async health() {
    return { ok: true, message: 'all is lost' };
  }
}

const DIAMOND = { a: [], b: ['a'], c: ['a'], d: ['b', 'c'] };
const works: Works = { a: () => 1, b: () => 2, c: () => 3, d: () => 4 };

test('a task comes to its end though the queue loses every job', async () => {
  const template = templateOf(DIAMOND);
  const queue = new LosingQueue();
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works,
    queue,
    ...OFTEN,
  });
  expect(await runToEnd(engine, template)).toMatchObject({ state: 'complete' });
});

test('a task that another program inserted row by row is run', async () => {
  const template = templateOf(DIAMOND);
  const queue = new InMemoryQueue();
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works,
    queue,
    ...OFTEN,
  });
  const model = (await runToEnd(engine, template)).taskId;
  const taskId = await home.database.transaction(async (tx) => {
    const [task] = await tx.query<{ task_id: number }>(
      `insert into tasker_tasks (named_task_id, requested_at, context, identity_hash, created_at, updated_at)
       select named_task_id, requested_at, context, gen_random_uuid(), created_at, updated_at
       from tasker_tasks where task_id = $1
       returning task_id`,
      [model],
    );
    await tx.query(
      `insert into tasker_workflow_steps (task_id, named_step_id, created_at, updated_at)
       select $2, named_step_id, created_at, updated_at from tasker_workflow_steps where task_id = $1`,
      [model, task?.task_id],
    );
    return task?.task_id ?? 0;
  });
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a step that was offered and forgotten runs while its sibling still does', async () => {
  const template = templateOf({ slow: [], lost: [] }, { steps: { lost: { handler_class: 'nobody_yet' } } });
  const [running, release, ran] = [new Signal(), new Signal(), new Signal()];
  const handlers: Works = {
    slow: async () => {
      running.happen();
      await release.happened;
    },
    nobody_yet: () => ran.happen(),
  };
  const { nobody_yet = () => 0, ...others } = handlers;
  const base = { database: home.database, templates: [template], ...OFTEN };
  const engine = await startEngine({ ...base, works: others });
  const taskId = await create(engine, template);
  await running.happened;
  await home.database.query('delete from treadle.ready_steps where task_id = $1', [taskId]);
  await startEngine({ ...base, works: { nobody_yet } });
  await ran.happened;
  release.happen();
  expect(await engine.waitForTask(taskId)).toBe('complete');
});

test('a step whose claim is gone is told to stop, and runs again', async () => {
  const template = templateOf({ a: [] }, { each: { default_retry_limit: 2 } });
  const running = new Signal();
  const stopped: string[] = [];
  const a: Work = async ({ signal, step }) => {
    if (step.attempt === 2) return 'at last';
    running.happen();
    return untilAborted(signal).catch((reason: Error) => stopped.push(reason.message));
  };
  const base = { database: home.database, templates: [template], works: { a }, leaseSeconds: 3 };
  const engine = await startEngine({ ...base, ...OFTEN });
  const taskId = await create(engine, template);
  await running.happened;
  await eventually(
    () => statesOfSteps(home.database, taskId),
    (states) => states['a'] === 'in_progress', // before that a lost claim is one that never was
  );
  await home.database.query('delete from treadle.claims where task_id = $1', [taskId]);
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(stopped).toHaveLength(1);
});

test('a state that was written while triggers were off is heeded, and the log says how many were mended', async () => {
  const { database: db, drop } = await createTestDatabase();
  const template = templateOf({ a: [], b: ['a'] }, { steps: { a: { handler_class: 'nobody' } } });
  const lines: { troubles?: object; task_ids?: number[] }[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  const engine = await startEngine({ database: db, templates: [template], works, log, ...OFTEN });
  const taskId = await create(engine, template);
  await eventually(
    () => stateOfTask(db, taskId),
    (state) => state === 'in_progress',
  );
  const world = { stepIds: await stepIdsOf(db, taskId) } as unknown as World;
  await db.transaction(async (tx) => {
    await tx.query(`set local session_replication_role = 'replica'`);
    await writeAsRails(tx, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
  });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  await engine.stop();
  await drop();
  expect(lines.filter(({ troubles }) => troubles)).toEqual([
    expect.objectContaining({ troubles: { false_offer: 1 }, task_ids: [taskId] }),
  ]);
});

test('an engine with a retention time removes what ended before it', async () => {
  const { database: db, drop } = await createTestDatabase();
  const template = templateOf(DIAMOND);
  const base = { database: db, templates: [template], works, ...OFTEN };
  const first = await startEngine(base);
  const { taskId: old } = await runToEnd(first, template);
  await first.stop();
  await moveClock(db, 2 * 86_400);
  const second = await startEngine({ ...base, retentionDays: 1 });
  const { taskId: young } = await runToEnd(second, template);
  const tasks = () => db.query<{ task_id: number }>('select task_id from tasker_tasks');
  await eventually(tasks, (rows) => rows.every(({ task_id }) => task_id !== old));
  expect(await tasks()).toEqual([{ task_id: young }]);
  await second.stop();
  await drop();
});
