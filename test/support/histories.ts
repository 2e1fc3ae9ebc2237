// Random tasks and what may happen to them, in any order and by any hand: the material of the laws about derived rows. Starts
// are written at once or late, and outcomes may bring children, as each happening says.
import fc from 'fast-check';
import type { Law } from '../../core/machines/law.ts';
import { stepLaw } from '../../core/machines/step.machine.ts';
import { taskLaw } from '../../core/machines/task.machine.ts';
import type { State } from '../../core/vocabulary.ts';
import { claimSteps, takeBackLostSteps, writeStarts } from '../../sql/steps.ts';
import { expireTasks, settleChangedTasks, startTasks } from '../../sql/tasks.ts';
import {
  completed,
  failed,
  handOver,
  moveClock,
  newWorker,
  writeAsRails,
  type Answer,
  type Shape,
  type World,
} from './factories.ts';
import { anyOperatorAct, operate, resumeAll, type OperatorAct } from './operations.ts';
import { stateOfTask, statesOfSteps } from './trail.ts';

/** A DAG of one to six steps, each depending on any of those before it. */
export const anyShape: fc.Arbitrary<Shape> = fc
  .array(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 6 })
  .map((rows) =>
    Object.fromEntries(
      rows.map((row, index) => [
        `s${index}`,
        row.flatMap((depends, parent) => (depends && parent < index ? [`s${parent}`] : [])),
      ]),
    ),
  );

/** One thing that happens. `nth` picks among whatever can happen so; nothing happens when nothing can. */
export type Happening =
  | { readonly kind: 'claim'; readonly capacity: number; readonly lateStart: boolean }
  | ({ readonly kind: 'complete'; readonly nth: number } & Taking)
  | ({ readonly kind: 'fail'; readonly nth: number; readonly delayMs: number | null } & Taking)
  | { readonly kind: 'other hand on a step'; readonly nth: number }
  | { readonly kind: 'other hand on the task'; readonly nth: number }
  | { readonly kind: 'time passes'; readonly seconds: number }
  | OperatorAct
  | { readonly kind: 'complete in a transaction'; readonly nth: number }
  | { readonly kind: 'deadline passes' }
  | ({ readonly kind: 'complete all' } & Taking)
  | { readonly kind: 'start' }
  | { readonly kind: 'refresh' }
  | { readonly kind: 'settle' }
  | { readonly kind: 'steps run long' }
  | { readonly kind: 'wake' }
  | { readonly kind: 'worker dies' };

/** How many children are claimed in the statement that records. */
interface Taking {
  readonly capacity: number;
  readonly lateStart: boolean;
}

const nth = fc.nat({ max: 30 });
const lateStart = fc.boolean();
const taking = { capacity: fc.constantFrom(0, 0, 1, 10), lateStart };

export const anyHistory: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('claim' as const),
        capacity: fc.integer({ min: 1, max: 3 }),
        lateStart,
      }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('complete' as const), nth, ...taking }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('fail' as const),
        nth,
        delayMs: fc.constantFrom(0, 20_000, null),
        ...taking,
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('other hand on a step' as const), nth }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('other hand on the task' as const), nth }) },
    { weight: 3, arbitrary: anyOperatorAct },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('complete in a transaction' as const), nth }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('deadline passes' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('time passes' as const), seconds: fc.constantFrom(5, 40) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('complete all' as const), ...taking }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'start' as const,
          'refresh' as const,
          'settle' as const,
          'steps run long' as const,
          'wake' as const,
          'worker dies' as const,
        ),
      }),
    },
  ),
  { maxLength: 25 },
);

/** Makes it happen. Returns the world as it is then: after the death of its worker it has another one. */
export async function happen(world: World, event: Happening): Promise<World> {
  const { db, worker, handler, taskId } = world;
  if (event.kind === 'claim') await claimSteps(db, worker, [handler], event.capacity, event);
  else if (event.kind === 'complete') await answer(world, event, (step) => completed(world, step));
  else if (event.kind === 'complete in a transaction') await completeInTransaction(world, event.nth);
  else if (event.kind === 'deadline passes') await passDeadline(world);
  else if (event.kind === 'complete all') await completeAll(world, event);
  else if (event.kind === 'steps run long') await writeStarts(db, await claimsIn(world));
  else if (event.kind === 'fail') await answer(world, event, (step) => failed(world, step, event.delayMs));
  else if (event.kind === 'other hand on a step') await writeToStep(world, event.nth);
  else if (event.kind === 'other hand on the task') await writeToTask(world, event.nth);
  else if (event.kind === 'time passes') await moveClock(db, event.seconds);
  else if (event.kind === 'start') await startTasks(db, [taskId]);
  else if (event.kind === 'refresh')
    await db.query('select treadle.refresh_tasks(array[$1::bigint])', [taskId]);
  else if (event.kind === 'settle') await settleChangedTasks(db, 100);
  else if (event.kind === 'wake') await deliverWakeups(world);
  else if (event.kind === 'worker dies') return withNewWorker(world);
  else await operate(world, event);
  return world;
}

async function withNewWorker(world: World): Promise<World> {
  await world.db.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  await takeBackLostSteps(world.db);
  return { ...world, worker: await newWorker(world.db, [world.handler], 1_000_000) };
}

/** The queue delivers what is due. */
export async function deliverWakeups({ db, taskId }: World): Promise<void> {
  const due = await db.query('select from treadle.wakeups where task_id = $1 and run_at <= treadle.now()', [
    taskId,
  ]);
  if (due.length > 0) await startTasks(db, [taskId]);
}

function claimsIn({ db, taskId }: World): Promise<{ claim_id: number; workflow_step_id: number }[]> {
  return db.query('select claim_id, workflow_step_id from treadle.claims where task_id = $1 order by 2', [
    taskId,
  ]);
}

async function heldSteps(world: World): Promise<string[]> {
  const held = new Set((await claimsIn(world)).map(({ workflow_step_id: id }) => id));
  return Object.keys(world.stepIds).filter((name) => held.has(world.stepIds[name] ?? 0));
}

async function answer(
  world: World,
  { nth: index, ...taken }: Taking & { nth: number },
  outcome: (step: string) => Answer,
): Promise<void> {
  const step = pick(await heldSteps(world), index);
  if (step !== undefined) await handOver(world, childrenOf(taken), outcome(step));
}

function childrenOf({ capacity, lateStart: late }: Taking): Taking {
  return { capacity, lateStart: late };
}

/** As a handler does that works on the same Postgres. */
async function completeInTransaction({ db, taskId }: World, index: number): Promise<void> {
  const claims = await db.query<{ token: string }>(
    `select concat_ws('.', workflow_step_id, claim_id, worker_id, epoch) as token
     from treadle.claims
     where task_id = $1
     order by 1`,
    [taskId],
  );
  const claim = pick(claims, index);
  if (!claim) return;
  await db.query(`do $$ begin
    perform treadle.complete_step('${claim.token}', '{"by": "transaction"}');
  exception
    when sqlstate 'TR003' then null; -- another hand has moved the step: the transaction is rolled back
  end $$`);
}

async function passDeadline({ db, taskId }: World): Promise<void> {
  await db.query(
    `insert into treadle.deadlines (task_id, deadline_at) values ($1, treadle.now())
     on conflict (task_id) do update set deadline_at = excluded.deadline_at`,
    [taskId],
  );
  await expireTasks(db, 100);
}

/** All that is held, in one statement. */
async function completeAll(world: World, taken: Taking): Promise<void> {
  const outcomes = (await heldSteps(world)).map((step) => completed(world, step));
  if (outcomes.length > 0) await handOver(world, childrenOf(taken), ...outcomes);
}

async function writeToStep({ db, taskId, stepIds }: World, index: number): Promise<void> {
  const states = Object.entries(await statesOfSteps(db, taskId));
  const move = pick(
    states.flatMap(([step, state]) => movesFrom(stepLaw, state).map((to) => ({ step, to }))),
    index,
  );
  if (move) await writeAsRails(db, 'workflow_step', stepIds[move.step] ?? 0, move.to);
}

/** Another hand neither completes a task (the guard is for the engine) nor runs it itself. */
async function writeToTask({ db, taskId }: World, index: number): Promise<void> {
  const moves = movesFrom(taskLaw, await stateOfTask(db, taskId));
  const to = pick(
    moves.filter((state) => state !== 'complete' && state !== 'in_progress'),
    index,
  );
  if (to) await writeAsRails(db, 'task', taskId, to);
}

function movesFrom(law: Law<string>, state: string): State[] {
  return Object.values(law[state as State]) as State[];
}

function pick<Value>(values: readonly Value[], index: number): Value | undefined {
  return values[index % Math.max(values.length, 1)];
}

/**
 * Lets everything go right from here on: the clock reaches every wake-up, every step that can be claimed completes, and
 * another hand ends what it began, and nothing is paused. Returns the state in which the task rests then.
 */
export async function letItEnd(world: World): Promise<string> {
  await resumeAll(world);
  for (let round = 0; round < 40; round += 1) {
    await settleChangedTasks(world.db, 100);
    await reachNextWakeup(world);
    await deliverWakeups(world);
    for (const step of await stepsInOtherHands(world))
      await writeAsRails(world.db, 'workflow_step', step, 'complete');
    await claimSteps(world.db, world.worker, [world.handler], 10, { lateStart: true });
    await completeAll(world, { capacity: 10 * (round % 2), lateStart: true });
    const state = await stateOfTask(world.db, world.taskId);
    if (state !== 'pending' && state !== 'in_progress') return state;
  }
  return stateOfTask(world.db, world.taskId);
}

async function reachNextWakeup({ db, taskId }: World): Promise<void> {
  const [wakeup] = await db.query<{ seconds: number }>(
    'select extract(epoch from run_at - treadle.now())::float as seconds from treadle.wakeups where task_id = $1',
    [taskId],
  );
  if (wakeup && wakeup.seconds > 0) await moveClock(db, wakeup.seconds);
}

async function stepsInOtherHands({ db, taskId }: World): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    `select s.workflow_step_id as id
     from public.tasker_workflow_steps s
     join public.tasker_workflow_step_transitions c
       on c.workflow_step_id = s.workflow_step_id and c.most_recent and c.to_state = 'in_progress'
     where s.task_id = $1
       and not exists (select from treadle.claims k where k.workflow_step_id = s.workflow_step_id)`,
    [taskId],
  );
  return rows.map(({ id }) => id);
}
