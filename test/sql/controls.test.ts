// Operators: every operation on every state, what follows for the task, and what is refused. Each test of one table has a
// task of its own.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cancelTasks,
  pause,
  resolveSteps,
  resolveTasks,
  retrySteps,
  retryTasks,
  type Operator,
} from '../../sql/controls.ts';
import { settleChangedTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  completed,
  createdWorld,
  failed,
  idOf,
  moveClock,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { anyHistory, anyShape, happen } from '../support/histories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';
import {
  claimsOf,
  derivedRows,
  stateOfTask,
  statesOfSteps,
  statesThrough,
  trailOf,
  wakeupOf,
} from '../support/trail.ts';

const home = testDatabase();
const isOpen = new Set(['pending', 'in_progress']);
const ann: Operator = { by: 'ann', reason: 'the printer is new' };
const NOTHING = { ready: [], gates: [] };

/** A task with a step `a` in this state, and its child `b`. */
const STEP_IN: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  pending: async () => {},
  in_progress: (world) => claim(world),
  complete: (world) => carryOut(world, 'a'),
  waiting: async (world) => {
    await claim(world);
    await record(world, failed(world, 'a', 60_000));
  },
  error: async (world) => {
    await claim(world);
    await record(world, failed(world, 'a', null));
  },
  cancelled: async (world) => {
    await writeAsRails(world.db, 'workflow_step', idOf(world, 'a'), 'cancelled');
    await settleChangedTasks(world.db, 1000);
  },
  resolved_manually: (world) => resolveSteps(world.db, [idOf(world, 'a')], { by: 'bob' }),
};

async function worldWith(state: string): Promise<World> {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await STEP_IN[state]?.(world);
  return world;
}

/** States of the task, of its steps, and whether the operation was done (else why not). */
async function outcome(
  { taskId }: World,
  [result]: readonly ({ done: true } | { done: false; code: string; why: string })[],
) {
  const steps = await statesOfSteps(home.database, taskId);
  const done = result?.done === true ? 'done' : result?.code;
  return [done, await stateOfTask(home.database, taskId), steps['a'], steps['b']].join(' ');
}

const cancel = (world: World) => cancelTasks(home.database, [world.taskId], ann);
const retryStep = (world: World) => retrySteps(home.database, [idOf(world, 'a')], ann);
const retryTask = (world: World) => retryTasks(home.database, [world.taskId], ann);
const resolveStep = (world: World) => resolveSteps(home.database, [idOf(world, 'a')], ann);
const force = (world: World) => resolveSteps(home.database, [idOf(world, 'a')], { ...ann, force: true });
const resolveTask = (world: World) => resolveTasks(home.database, [world.taskId], ann);

const refused = 'unlawful_transition';
describe.each([
  // the state of a -> done or refused, then the states of the task, of a, of b
  ['cancel', cancel, 'pending', 'done cancelled cancelled cancelled'],
  ['cancel', cancel, 'in_progress', 'done cancelled cancelled cancelled'],
  ['cancel', cancel, 'complete', 'done cancelled complete cancelled'],
  ['cancel', cancel, 'waiting', 'done cancelled cancelled cancelled'],
  ['cancel', cancel, 'error', 'done cancelled error cancelled'],
  ['cancel', cancel, 'cancelled', 'done cancelled cancelled cancelled'],
  ['cancel', cancel, 'resolved_manually', 'done cancelled resolved_manually cancelled'],
  ['retry the step', retryStep, 'pending', `${refused} in_progress pending pending`],
  ['retry the step', retryStep, 'in_progress', `${refused} in_progress in_progress pending`],
  ['retry the step', retryStep, 'complete', `${refused} in_progress complete pending`],
  ['retry the step', retryStep, 'waiting', 'done in_progress pending pending'],
  ['retry the step', retryStep, 'error', 'done in_progress pending pending'],
  ['retry the step', retryStep, 'cancelled', `${refused} error cancelled pending`],
  ['retry the step', retryStep, 'resolved_manually', `${refused} in_progress resolved_manually pending`],
  ['retry the task', retryTask, 'pending', `${refused} in_progress pending pending`],
  ['retry the task', retryTask, 'in_progress', `${refused} in_progress in_progress pending`],
  ['retry the task', retryTask, 'waiting', 'done in_progress pending pending'],
  ['retry the task', retryTask, 'error', 'done in_progress pending pending'],
  ['retry the task', retryTask, 'cancelled', `${refused} error cancelled pending`],
  ['resolve the step', resolveStep, 'pending', 'done in_progress resolved_manually pending'],
  ['resolve the step', resolveStep, 'in_progress', `${refused} in_progress in_progress pending`],
  ['resolve the step', resolveStep, 'complete', `${refused} in_progress complete pending`],
  ['resolve the step', resolveStep, 'waiting', 'done in_progress resolved_manually pending'],
  ['resolve the step', resolveStep, 'error', 'done in_progress resolved_manually pending'],
  ['resolve the step', resolveStep, 'cancelled', `${refused} error cancelled pending`],
  ['resolve the step', resolveStep, 'resolved_manually', `${refused} in_progress resolved_manually pending`],
  ['resolve the step by force', force, 'in_progress', 'done in_progress resolved_manually pending'],
  ['resolve the step by force', force, 'complete', `${refused} in_progress complete pending`],
  ['resolve the task', resolveTask, 'pending', `${refused} in_progress pending pending`],
  ['resolve the task', resolveTask, 'waiting', `${refused} pending error pending`],
  ['resolve the task', resolveTask, 'error', 'done resolved_manually error pending'],
] as const)('%s', (_name, operate, state, expected) => {
  test(`when its first step is ${state}: ${expected}`, async () => {
    const world = await worldWith(state);
    const { results } = await operate(world);
    expect(await outcome(world, results)).toBe(expected);
    expect(await violations(home.database)).toEqual([]);
  });
});

describe.each(['complete', 'cancelled', 'resolved_manually'])('of a task that is %s', (state) => {
  test.each([
    ['cancel', cancel],
    ['retry the task', retryTask],
    ['resolve the task', resolveTask],
    ['retry the step', retryStep],
    ['resolve the step', resolveStep],
  ])('%s is refused and changes nothing', async (_name, operate) => {
    const world = await startedWorld(home.database, { a: [] });
    if (state === 'complete') await carryOut(world, 'a');
    else await STEP_IN['error']?.(world);
    if (state !== 'complete') await writeAsRails(home.database, 'task', world.taskId, state);
    await settleChangedTasks(home.database, 1000);
    const before = await trailOf(home.database, 'task', world.taskId);
    const { results } = await operate(world);
    expect(results).toMatchObject([{ done: false, code: refused, why: expect.stringContaining('is ') }]);
    expect(await trailOf(home.database, 'task', world.taskId)).toEqual(before);
  });
});

test('a refusal says what was expected and what came', async () => {
  const world = await worldWith('in_progress');
  const id = idOf(world, 'a');
  const [step, task] = [(await retryStep(world)).results[0], (await resolveTask(world)).results[0]];
  expect(step).toMatchObject({ why: `step ${id} (a) is in_progress, expected error`, task_id: world.taskId });
  expect(task).toMatchObject({ why: `task ${world.taskId} is in_progress, expected error` });
});

test('what does not exist is refused, the others are done', async () => {
  const world = await worldWith('pending');
  const { results } = await cancelTasks(home.database, [987_654, world.taskId], ann);
  expect(results).toMatchObject([
    { task_id: 987_654, done: false, code: 'unknown_task', why: 'there is no task 987654' },
    { task_id: world.taskId, done: true, cancelled_steps: 2, running_steps: 0 },
  ]);
  expect((await retrySteps(home.database, [987_654], ann)).results).toMatchObject([
    { workflow_step_id: 987_654, done: false, code: 'unknown_step' },
  ]);
});

test('nobody operates without a name', async () => {
  const world = await worldWith('pending');
  const nobody = cancelTasks(home.database, [world.taskId], { by: ' ' });
  await expect(nobody).rejects.toMatchObject({ code: 'invalid_argument' });
  expect(await stateOfTask(home.database, world.taskId)).toBe('in_progress');
});

test('every row of an operation says who and why', async () => {
  const world = await worldWith('waiting');
  await cancel(world);
  const step = (await trailOf(home.database, 'workflow_step', idOf(world, 'a'))).slice(-2);
  const [task] = (await trailOf(home.database, 'task', world.taskId)).slice(-1);
  const who = { triggered_by: 'operator', by: 'ann', reason: 'the printer is new' };
  expect([...step, task].map((row) => row?.metadata)).toMatchObject([
    { event: 'retry', ...who },
    { event: 'cancel', ...who },
    { event: 'cancel', ...who },
  ]);
});

test('the answer of a handler whose task was cancelled changes nothing', async () => {
  const world = await worldWith('in_progress');
  const { results } = await cancel(world);
  expect(results).toMatchObject([{ running_steps: 1 }]);
  expect(await claimsOf(world)).toBe(0);
  const { refused: late } = await record(world, completed(world, 'a'));
  expect([late, await statesOfSteps(home.database, world.taskId)]).toEqual([
    [idOf(world, 'a')],
    { a: 'cancelled', b: 'cancelled' },
  ]);
});

test.each([
  ['cancelled', cancel],
  ['resolved', resolveTask],
])('of a task that is %s nothing is kept', async (_what, operate) => {
  const world = await worldWith('error');
  await home.database.query('insert into treadle.deadlines values ($1, now())', [world.taskId]);
  await pause(home.database, { scope: 'task', subject: String(world.taskId) }, ann);
  await operate(world);
  expect([await derivedRows(home.database, world.taskId), await wakeupOf(world)]).toEqual([
    NOTHING,
    undefined,
  ]);
  const kept = await home.database.query(
    `select from treadle.deadlines where task_id = $1
     union all
     select from treadle.pauses where subject = $1::text`,
    [world.taskId],
  );
  expect(kept).toEqual([]);
});

test('nothing wakes a cancelled task', async () => {
  const world = await worldWith('waiting');
  await cancel(world);
  expect([await wakeupOf(world), await derivedRows(home.database, world.taskId)]).toEqual([
    undefined,
    NOTHING,
  ]);
});

test('a claim that is under way while its task is cancelled is taken back', async () => {
  const world = await worldWith('pending');
  const [theirs, ours] = [await openTransaction(home.database), await openTransaction(home.database)];
  await claim({ ...world, db: theirs });
  const cancelled = cancelTasks(ours, [world.taskId], ann);
  await untilBlocked(home.database, ours.pid);
  await theirs.commit();
  expect((await cancelled).results).toMatchObject([{ done: true, cancelled_steps: 2, running_steps: 1 }]);
  await ours.commit();
  expect([await claimsOf(world), await statesOfSteps(home.database, world.taskId)]).toEqual([
    0,
    { a: 'cancelled', b: 'cancelled' },
  ]);
});

test('an outcome that is being recorded while its task is cancelled counts', async () => {
  const world = await worldWith('in_progress');
  const [theirs, ours] = [await openTransaction(home.database), await openTransaction(home.database)];
  await record({ ...world, db: theirs }, completed(world, 'a'));
  const cancelled = cancelTasks(ours, [world.taskId], ann);
  await untilBlocked(home.database, ours.pid);
  await theirs.commit();
  expect((await cancelled).results).toMatchObject([{ cancelled_steps: 1, running_steps: 0 }]);
  await ours.commit();
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'complete', b: 'cancelled' });
});

test('a task that has not begun can be cancelled', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await cancel(world);
  expect(await statesThrough(home.database, 'task', world.taskId)).toEqual(['cancelled']);
  expect(await wakeupOf(world)).toBeUndefined();
});

test('ten thousand steps are cancelled at once', async () => {
  const names = Array.from({ length: 10_000 }, (_, index) => [`s${index}`, []] as const);
  await inRolledBackTransaction(home.database, async (tx) => {
    const world = await startedWorld(tx, Object.fromEntries(names));
    await claim(world, 500);
    const { results } = await cancelTasks(tx, [world.taskId], ann);
    expect(results).toMatchObject([{ cancelled_steps: 10_000, running_steps: 500 }]);
  });
});

test('the clock of Postgres decides when a cancelled wait would have been over', async () => {
  const world = await worldWith('waiting');
  await cancel(world);
  await inRolledBackTransaction(home.database, async (tx) => {
    await moveClock(tx, 120);
    expect(await claim({ ...world, db: tx })).toEqual([]);
  });
});

test('after any history nothing of a cancelled task is left to run', async () => {
  const law = fc.asyncProperty(anyShape, anyHistory, (shape, history) =>
    inRolledBackTransaction(home.database, async (tx) => {
      let world = await startedWorld(tx, shape, { leaseSeconds: 1_000_000 });
      for (const event of [...history, { kind: 'operator cancels' } as const])
        world = await happen(world, event);
      await settleChangedTasks(tx, 100);
      if ((await stateOfTask(tx, world.taskId)) !== 'cancelled') return;
      const open = Object.values(await statesOfSteps(tx, world.taskId)).filter((state) => isOpen.has(state));
      expect([open, await claimsOf({ ...world, db: tx }), await wakeupOf(world)]).toEqual([[], 0, undefined]);
    }),
  );
  await fc.assert(law, { numRuns: 60 });
});
