// Pausing: what is paused is not claimed, whoever offers it and whenever; a resume forgets no step.
import { describe, expect, test } from 'vitest';
import { listPauses, pause, resume, type PauseScope } from '../../sql/controls.ts';
import type { Executor } from '../../sql/database.ts';
import { explainSteps } from '../../sql/reports.ts';
import { claimSteps } from '../../sql/steps.ts';
import { registerTemplate, startTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  completed,
  createdWorld,
  idOf,
  newWorker,
  record,
  sibling,
  startedWorld,
  templateOf,
  uniqueName,
  type World,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';
import { readySteps, stateOfTask } from '../support/trail.ts';

const home = testDatabase();
const ann = { by: 'ann', reason: 'the printer is on fire' };

const subjectOf = ({ taskId, handler }: World, scope: PauseScope) => ({
  scope,
  subject: { task: String(taskId), namespace: 'test', handler }[scope],
});

async function heldSteps({ db, taskId }: World): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'select count(*) from treadle.ready_steps where held and task_id = $1',
    [taskId],
  );
  return row?.count ?? 0;
}

/** The namespace of all tests is one of the things that are paused: each has the database as it was. */
const alone = (work: (tx: Executor) => Promise<void>) => () => inRolledBackTransaction(home.database, work);

describe.each(['task', 'namespace', 'handler'] as const)('of a paused %s', (scope) => {
  test(
    'no step is claimed until it is resumed',
    alone(async (tx) => {
      const world = await startedWorld(tx, { a: [], b: [] });
      expect(await pause(tx, subjectOf(world, scope), ann)).toMatchObject({
        done: true,
        paused_by: 'ann',
        steps: 2,
      });
      expect(await claim(world)).toEqual([]);
      expect(await resume(tx, subjectOf(world, scope))).toEqual({ done: true, steps: 2, still_held: 0 });
      expect(await claim(world)).toEqual(['a', 'b']);
    }),
  );

  test(
    'running steps go on, and their children are held',
    alone(async (tx) => {
      const world = await startedWorld(tx, { a: [], b: ['a'] });
      await claim(world);
      await pause(tx, subjectOf(world, scope), ann);
      const { ready_handlers } = await record(world, completed(world, 'a'));
      expect([ready_handlers, await heldSteps(world), await claim(world)]).toEqual([[], 1, []]);
      expect(await stateOfTask(tx, world.taskId)).toBe('in_progress');
      await resume(tx, subjectOf(world, scope));
      expect(await claim(world)).toEqual(['b']);
    }),
  );

  test(
    'a task that starts meanwhile is held',
    alone(async (tx) => {
      const world = await createdWorld(tx, { a: [] });
      await pause(tx, subjectOf(world, scope), ann);
      const { ready_handlers } = await startTasks(tx, [world.taskId]);
      expect([ready_handlers, await readySteps(world), await claim(world)]).toEqual([[], ['a'], []]);
    }),
  );

  test(
    'a step says why it waits',
    alone(async (tx) => {
      const world = await startedWorld(tx, { a: [] });
      await pause(tx, subjectOf(world, scope), ann);
      const why = (await explainSteps(tx, [idOf(world, 'a')])).get(idOf(world, 'a'));
      expect(why).toMatch(
        new RegExp(`^ready, but its ${scope} is paused by ann since \\S+ \\S+ UTC: the printer is on fire$`),
      );
    }),
  );
});

test(
  'what two pauses hold is free when both have ended',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    await pause(tx, subjectOf(world, 'task'), ann);
    await pause(tx, subjectOf(world, 'handler'), ann);
    expect(await resume(tx, subjectOf(world, 'task'))).toEqual({ done: true, steps: 0, still_held: 1 });
    expect(await claim(world)).toEqual([]);
    expect(await resume(tx, subjectOf(world, 'handler'))).toMatchObject({ steps: 1, still_held: 0 });
    expect(await claim(world)).toEqual(['a']);
  }),
);

test(
  'other tasks of the same handler go on',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    const other = await sibling(world);
    await pause(tx, subjectOf(world, 'task'), ann);
    expect(await claim(other)).toEqual(['a']);
  }),
);

test(
  'pausing twice, or resuming what is not paused, changes nothing and says so',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    expect(await resume(tx, subjectOf(world, 'task'))).toEqual({ done: false, steps: 0, still_held: 0 });
    await pause(tx, subjectOf(world, 'task'), ann);
    const again = await pause(tx, subjectOf(world, 'task'), { by: 'bob' });
    expect(again).toMatchObject({ done: false, paused_by: 'ann', reason: ann.reason, steps: 0 });
    expect(await listPauses(tx)).toMatchObject([{ scope: 'task', subject: String(world.taskId), steps: 1 }]);
  }),
);

test.each([
  ['task', '987654', 'unknown_task', 'there is no task 987654'],
  ['task', 'five', 'unknown_task', 'there is no task five'],
  ['namespace', 'nowhere', 'invalid_argument', 'there is no namespace "nowhere"'],
  ['handler', 'Nobody', 'invalid_argument', 'no template names a handler "Nobody"'],
] as const)('a pause of the %s %s is refused', async (scope, subject, code, message) => {
  await expect(pause(home.database, { scope, subject }, ann)).rejects.toMatchObject({ code, message });
});

test('a task that has ended cannot be paused', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await carryOut(world, 'a');
  await expect(pause(home.database, subjectOf(world, 'task'), ann)).rejects.toMatchObject({
    code: 'unlawful_transition',
  });
});

test(
  'a step whose handler changes is held by the pause of the new one',
  alone(async (tx) => {
    const template = templateOf({ a: [] }, { name: uniqueName('printing') });
    const namedTaskId = await registerTemplate(tx, template, template);
    const handler = uniqueName('new_handler');
    await pauseNewHandler(tx, handler);
    const world = await startedTask(tx, namedTaskId);
    const changed = templateOf({ a: [] }, { name: template.name, each: { handler_class: handler } });
    await registerTemplate(tx, changed, changed);
    expect(await heldSteps(world)).toBe(1);
    expect(await claimSteps(tx, await newWorker(tx, [handler]), [handler], 10)).toEqual([]);
  }),
);

async function pauseNewHandler(tx: Executor, handler: string): Promise<void> {
  const template = templateOf({ x: [] }, { each: { handler_class: handler } });
  await registerTemplate(tx, template, template);
  await pause(tx, { scope: 'handler', subject: handler }, ann);
}

async function startedTask(tx: Executor, namedTaskId: number): Promise<World> {
  const [row] = await tx.query<{ task_id: number }>(
    `select task_id from treadle.create_tasks($1, '[{"identity_hash": "one", "context": {"order_id": 1}}]')`,
    [namedTaskId],
  );
  const taskId = row?.task_id ?? 0;
  await startTasks(tx, [taskId]);
  return { db: tx, namedTaskId, taskId, stepIds: {}, handler: 'a', worker: await newWorker(tx, ['a']) };
}

describe('against transactions that run at the same time', () => {
  test('a step offered by one that did not know of the pause is not claimed', async () => {
    const world = await startedWorld(home.database, { a: [], b: ['a'] });
    await claim(world);
    const theirs = await openTransaction(home.database);
    await record({ ...world, db: theirs }, completed(world, 'a'));
    await pause(home.database, subjectOf(world, 'task'), ann);
    await theirs.commit();
    expect(await heldSteps(world)).toBe(0);
    expect([await claim(world), await heldSteps(world)]).toEqual([[], 1]);
    await resume(home.database, subjectOf(world, 'task'));
    expect(await claim(world)).toEqual(['b']);
  });

  test('a resume waits for one that is holding steps, and forgets none', async () => {
    const world = await startedWorld(home.database, { a: [], b: ['a'] });
    await claim(world);
    await pause(home.database, subjectOf(world, 'task'), ann);
    const [theirs, ours] = [await openTransaction(home.database), await openTransaction(home.database)];
    await record({ ...world, db: theirs }, completed(world, 'a'));
    const resumed = resume(ours, subjectOf(world, 'task'));
    await untilBlocked(home.database, ours.pid);
    await theirs.commit();
    expect(await resumed).toMatchObject({ done: true, steps: 1 });
    await ours.commit();
    expect(await claim(world)).toEqual(['b']);
  });

  test('a pause does not wait for one that claims or rebuilds', async () => {
    const world = await startedWorld(home.database, { a: [], b: [] });
    const theirs = await openTransaction(home.database);
    expect(await claim({ ...world, db: theirs }, 1)).toEqual(['a']);
    expect(await pause(home.database, subjectOf(world, 'handler'), ann)).toMatchObject({ steps: 1 });
    await theirs.commit();
    expect(await claim(world)).toEqual([]);
  });
});
