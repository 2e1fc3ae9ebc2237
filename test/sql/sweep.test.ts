// The sweep: whatever happened to a task, by whatever hand, and whatever became of the rows that Treadle keeps about it, one
// sweep sets it going again. And what waits lawfully is left alone.
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { stuckWork } from '../../sql/diagnosis.ts';
import { takeBackLostSteps } from '../../sql/steps.ts';
import { startTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  createdWorld,
  failed,
  idOf,
  moveClock,
  record,
  startedWorld,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { letItEnd } from '../support/histories.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { sweep, troublesOf, unnoticed } from '../support/sweeping.ts';
import { derivedRows, readySteps, stateOfTask, statesOfSteps, wakeupOf } from '../support/trail.ts';

const home = testDatabase();

/** In a transaction of its own: other tests of this file leave no tasks for this one. */
const alone = (work: (tx: Executor) => Promise<void>) => () => inRolledBackTransaction(home.database, work);

const FORK = { a: [], b: [], c: ['a', 'b'] };

test(
  'a created task whose wake-up is gone starts',
  alone(async (tx) => {
    const world = await createdWorld(tx, FORK);
    await tx.query('delete from treadle.wakeups');
    expect(await troublesOf(world)).toEqual(['no_wakeup']);
    expect(await readySteps(world)).toEqual(['a', 'b']);
  }),
);

test(
  'a wake-up that the queue has lost is carried out',
  alone(async (tx) => {
    const world = await createdWorld(tx, FORK);
    await moveClock(tx, 6);
    expect(await troublesOf(world)).toEqual(['overdue']);
    expect(await stateOfTask(tx, world.taskId)).toBe('in_progress');
  }),
);

test(
  'a task in progress of which nothing is left to run ends',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    await unnoticed(tx, () => writeAsRails(tx, 'workflow_step', idOf(world, 'a'), 'resolved_manually'));
    await tx.query('delete from treadle.ready_steps');
    expect(await troublesOf(world)).toEqual(['no_wakeup']);
    expect(await stateOfTask(tx, world.taskId)).toBe('complete');
  }),
);

test(
  'a ready step that is no longer offered is offered again, also while its sibling runs',
  alone(async (tx) => {
    const world = await startedWorld(tx, FORK);
    await claim(world, 1);
    await tx.query('delete from treadle.ready_steps');
    expect(await troublesOf(world)).toEqual(['lost_offer']);
    expect(await readySteps(world)).toEqual(['b']);
  }),
);

test(
  'an offer of a step whose parents are not done is withdrawn',
  alone(async (tx) => {
    const world = await startedWorld(tx, FORK);
    await tx.query(
      'insert into treadle.ready_steps (workflow_step_id, task_id, handler) values ($1, $2, $3)',
      [idOf(world, 'c'), world.taskId, world.handler],
    );
    expect(await troublesOf(world)).toEqual(['false_offer']);
    expect(await readySteps(world)).toEqual(['a', 'b']);
  }),
);

test.each([
  `update treadle.ready_steps set handler = 'nobody'`,
  'update treadle.ready_steps set held = true',
])('an offer that nobody can take is made again after "%s"', (sabotage) =>
  alone(async (tx) => {
    const world = await startedWorld(tx, FORK);
    await tx.query(sabotage);
    expect(await troublesOf(world)).toEqual(['false_offer']);
    expect(await claim(world)).toEqual(['a', 'b']);
  })(),
);

test(
  'what is held because it is paused is left alone',
  alone(async (tx) => {
    const world = await startedWorld(tx, FORK);
    await tx.query(`select treadle.pause('task', $1::bigint::text, 'somebody', null)`, [world.taskId]);
    expect(await tx.query('select held from treadle.ready_steps')).toEqual([{ held: true }, { held: true }]);
    expect(await troublesOf(world)).toEqual([]);
  }),
);

test.each(['update treadle.gates set open_parents = 1', 'delete from treadle.gates'])(
  'a gate is counted again after "%s"',
  (sabotage) =>
    alone(async (tx) => {
      const world = await startedWorld(tx, FORK);
      const before = await derivedRows(tx, world.taskId);
      await tx.query(sabotage);
      expect(await troublesOf(world)).toEqual(['wrong_gate']);
      expect(await derivedRows(tx, world.taskId)).toEqual(before);
    })(),
);

test(
  'a step that was started and that nobody holds any more is taken back like that of a dead worker',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    await claim(world);
    await tx.query('delete from treadle.claims');
    expect(await troublesOf(world)).toEqual(['lost_claim']);
    await takeBackLostSteps(tx);
    expect(await statesOfSteps(tx, world.taskId)).toEqual({ a: 'error' });
    expect(await letItEnd(world)).toBe('complete');
  }),
);

test(
  'a claim on a step that another hand has ended is void',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [], b: ['a'] });
    await claim(world);
    await unnoticed(tx, () => writeAsRails(tx, 'workflow_step', idOf(world, 'a'), 'complete'));
    expect(await troublesOf(world)).toEqual(['void_claim']);
    expect(await claim(world)).toEqual(['b']);
  }),
);

test(
  'a retry that nothing will wake is woken at its time',
  alone(async (tx) => {
    const world = await startedWorld(tx, FORK);
    await claim(world);
    await record(world, failed(world, 'a', 20_000));
    await tx.query('delete from treadle.wakeups');
    expect(await troublesOf(world)).toEqual(['no_wakeup']);
    expect(await wakeupOf(world)).toEqual({ reason: 'retry_due', in: 20 });
  }),
);

test(
  'a task that sleeps longer than its steps need is woken',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [], b: ['a'] });
    await claim(world);
    await record(world, failed(world, 'a', 3_600_000));
    await unnoticed(tx, () => writeAsRails(tx, 'workflow_step', idOf(world, 'a'), 'resolved_manually'));
    expect(await troublesOf(world)).toEqual(['late_wakeup']);
    expect(await readySteps(world)).toEqual(['b']);
  }),
);

test(
  'a foreign write that nobody heard of is settled',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [], b: ['a'] });
    await writeAsRails(tx, 'workflow_step', idOf(world, 'a'), 'resolved_manually');
    await tx.query('delete from treadle.changed_tasks');
    expect(await troublesOf(world)).toEqual(['false_offer']);
    expect(await readySteps(world)).toEqual(['b']);
  }),
);

/** A task as another program inserts it: no wake-up, no transition. */
async function insertByHand(world: World, ...steps: readonly string[]): Promise<World> {
  const [task] = await world.db.query<{ task_id: number }>(
    `insert into tasker_tasks (named_task_id, requested_at, context, identity_hash, created_at, updated_at)
     values ($1, treadle.utc_now(), '{"by": "hand"}', gen_random_uuid(), treadle.utc_now(), treadle.utc_now())
     returning task_id`,
    [world.namedTaskId],
  );
  const taskId = task?.task_id ?? 0;
  await world.db.query(
    `insert into tasker_workflow_steps (task_id, named_step_id, created_at, updated_at)
     select $1, named_step_id, treadle.utc_now(), treadle.utc_now()
     from tasker_workflow_steps
     where workflow_step_id = any ($2)`,
    [taskId, steps.map((step) => idOf(world, step))],
  );
  return { ...world, taskId };
}

test(
  'a task that another program inserted starts',
  alone(async (tx) => {
    const byHand = await insertByHand(await startedWorld(tx, { a: [] }), 'a');
    expect(await troublesOf(byHand)).toEqual(['no_wakeup']);
    expect(await readySteps(byHand)).toEqual(['a']);
  }),
);

test(
  'a task whose steps are still to be inserted is not taken for complete',
  alone(async (tx) => {
    const byHand = await insertByHand(await startedWorld(tx, { a: [] }));
    expect(await troublesOf(byHand)).toEqual([]);
    await moveClock(tx, 61);
    expect(await troublesOf(byHand)).toEqual(['no_wakeup']);
  }),
);

test(
  'a task of a template that is registered later is found then',
  alone(async (tx) => {
    const world = await createdWorld(tx, { a: [] });
    await tx.query('delete from treadle.wakeups');
    await tx.query('alter table treadle.own_named_tasks rename to others');
    await tx.query('create table treadle.own_named_tasks (like treadle.others)');
    expect(await troublesOf(world)).toEqual([]);
    await tx.query('insert into treadle.own_named_tasks select * from treadle.others');
    await tx.query(`update tasker_named_tasks set updated_at = updated_at + interval '1 second'`);
    expect(await troublesOf(world)).toEqual(['no_wakeup']);
  }),
);

test(
  'a task that was opened again unnoticed is found by its new transition',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    await claim(world);
    await record(world, failed(world, 'a', null));
    await sweep(tx);
    await tx.query('update tasker_workflow_steps set retry_limit = 9 where task_id = $1', [world.taskId]);
    await unnoticed(tx, () => writeAsRails(tx, 'task', world.taskId, 'pending'));
    await moveClock(tx, 60);
    expect(await troublesOf(world)).toEqual(['no_wakeup']);
    expect(await readySteps(world)).toEqual(['a']);
  }),
);

/** The marks are where they would be long after the task was created. */
async function forget(db: Executor): Promise<void> {
  await db.query(
    `update treadle.sweeps set next_task_mark = 1000000, next_transition_mark = 1000000, horizon = '0'`,
  );
  await db.query('delete from treadle.open_tasks');
}

test(
  'a task that is missing among the open ones is found by the slow pass',
  alone(async (tx) => {
    const world = await createdWorld(tx, { a: [] });
    await sweep(tx);
    await forget(tx);
    await tx.query('delete from treadle.wakeups');
    expect(await troublesOf(world)).toEqual(['no_wakeup']);
  }),
);

test(
  'what waits lawfully is left alone',
  alone(async (tx) => {
    const running = await startedWorld(tx, FORK);
    await claim(running, 1);
    const asleep = await startedWorld(tx, FORK);
    await carryOut(asleep, 'a');
    await record(asleep, failed(asleep, 'b', 60_000));
    const scheduled = await createdWorld(tx, FORK, { request: { run_at: '2999-01-01T00:00:00Z' } });
    const elsewhere = await startedWorld(tx, { a: [] });
    await writeAsRails(tx, 'workflow_step', idOf(elsewhere, 'a'), 'in_progress');
    await startTasks(tx, [elsewhere.taskId]);
    const ended = await startedWorld(tx, { a: [] });
    await carryOut(ended, 'a');
    for (const world of [running, asleep, scheduled, elsewhere, ended])
      expect(await troublesOf(world)).toEqual([]);
  }),
);

test(
  'a task that cannot be mended does not keep the others stuck',
  alone(async (tx) => {
    const poisoned = await createdWorld(tx, { a: [] });
    const world = await createdWorld(tx, FORK);
    await tx.query('delete from treadle.wakeups');
    await tx.query(
      `create function refuse() returns trigger language plpgsql as $$ begin raise 'not this one'; end $$`,
    );
    await tx.query(
      `create trigger refuse before insert on tasker_task_transitions
       for each row when (new.task_id = ${poisoned.taskId}) execute function refuse()`,
    );
    const [swept] = await sweep(tx);
    expect(await readySteps(world)).toEqual(['a', 'b']);
    expect(swept?.failures).toEqual([{ task_id: poisoned.taskId, error: 'not this one' }]);
  }),
);

test(
  'the doctor names what the next sweep would mend',
  alone(async (tx) => {
    const world = await startedWorld(tx, FORK);
    await claim(world, 1);
    await tx.query('delete from treadle.ready_steps');
    expect(await stuckWork(tx, 60, 100)).toEqual([]);
    await tx.query(`update tasker_task_transitions set created_at = created_at - interval '61 seconds'`);
    expect(await stuckWork(tx, 60, 100)).toEqual([
      { kind: 'idle_tasks', total: 1, example_task_id: world.taskId },
    ]);
  }),
);

test(
  'ended tasks are forgotten',
  alone(async (tx) => {
    const world = await startedWorld(tx, { a: [] });
    await sweep(tx);
    expect(await tx.query('select task_id from treadle.open_tasks')).toEqual([{ task_id: world.taskId }]);
    await carryOut(world, 'a');
    await sweep(tx);
    expect(await tx.query('select task_id from treadle.open_tasks')).toEqual([]);
  }),
);
