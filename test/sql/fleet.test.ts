// Mixed fleets in the database: which rule decides, and how unfinished tasks go to the Rails engine and come back.
import { describe, expect, test } from 'vitest';
import { cancelTasks, retryTasks } from '../../sql/controls.ts';
import { chooseEngine, forgetChoice, listFleet, takeTasksForRails } from '../../sql/fleet.ts';
import { createTasks, settleChangedTasks, startTasks, wakeUnfinishedTasks } from '../../sql/tasks.ts';
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
  uniqueName,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { ann, choose, forRails, moveAll, subjectOf } from '../support/fleets.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { derivedRows, stateOfTask, statesOfSteps, trailOf, wakeupOf } from '../support/trail.ts';
import { openTransaction } from '../support/transactions.ts';

const home = testDatabase();
const NOTHING = { ready: [], gates: [] };

const startAsRails = (world: World) => writeAsRails(home.database, 'task', world.taskId, 'in_progress');
const settle = () => settleChangedTasks(home.database, 1000);

async function memberOf(world: World) {
  const subject = await subjectOf(world);
  const fleet = await listFleet(home.database);
  return fleet.find(({ namespace_name, name }) => `${namespace_name}/${name}` === subject);
}

describe('a task that goes to Rails', () => {
  test('leaves nothing of itself in Treadle, and waits in the outbox as pending', async () => {
    const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
    expect(await choose(world, 'rails')).toEqual({ done: true, moving: 1 });
    expect(await moveAll(home.database)).toBeUndefined();
    expect(await forRails(world)).toEqual({ reason: 'handed_over', in: 0 });
    expect([await stateOfTask(home.database, world.taskId), await wakeupOf(world)]).toEqual([
      'pending',
      undefined,
    ]);
    expect(await derivedRows(home.database, world.taskId)).toEqual(NOTHING);
    expect((await trailOf(home.database, 'task', world.taskId)).at(-1)?.metadata).toEqual({
      event: 'wait',
      triggered_by: 'treadle',
      reason: 'handed_to_rails',
    });
  });

  test('is not claimed any more from the moment of the choice', async () => {
    const world = await startedWorld(home.database, { a: [] });
    await choose(world, 'rails');
    expect(await claim(world)).toEqual([]);
    await moveAll(home.database);
  });

  test('stays until its running step has ended, whose children are not offered', async () => {
    const world = await startedWorld(home.database, { a: [], b: ['a'] });
    await claim(world);
    await choose(world, 'rails');
    expect(await moveAll(home.database)).toMatchObject({ waiting: 1, more: false });
    expect(await forRails(world)).toBeUndefined();
    await record(world, completed(world, 'a'));
    expect(await claim(world)).toEqual([]);
    expect(await moveAll(home.database)).toBeUndefined();
    expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'complete', b: 'pending' });
    expect(await forRails(world)).toEqual({ reason: 'handed_over', in: 0 });
  });

  test('ends in Treadle when its last step does', async () => {
    const world = await startedWorld(home.database, { a: [] });
    await claim(world);
    await choose(world, 'rails');
    await record(world, completed(world, 'a'));
    expect(await moveAll(home.database)).toBeUndefined();
    expect([await stateOfTask(home.database, world.taskId), await forRails(world)]).toEqual([
      'complete',
      undefined,
    ]);
  });

  test('takes along when its failed step runs again, which is pending then, as Rails needs it', async () => {
    const world = await startedWorld(home.database, { a: [] });
    await claim(world);
    await record(world, failed(world, 'a', 60_000));
    await choose(world, 'rails');
    await moveAll(home.database);
    expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'pending' });
    expect(await forRails(world)).toEqual({ reason: 'handed_over', in: 60 });
    const [ready] = await home.database.query<{ ready_for_execution: boolean }>(
      'select ready_for_execution from get_step_readiness_status($1)',
      [world.taskId],
    );
    expect(ready?.ready_for_execution).toBe(false);
  });

  test('is handed over once, by whoever takes it from the outbox first', async () => {
    const world = await createdWorld(home.database, { a: [] });
    await choose(world, 'rails');
    await moveAll(home.database);
    const tx = await openTransaction(home.database);
    const taken = await takeTasksForRails(tx, 100);
    expect(taken.filter(({ task_id }) => task_id === world.taskId)).toMatchObject([
      { reason: 'changed', delay_ms: 0, correlation_id: `treadle-${world.taskId}` },
    ]);
    expect(await takeTasksForRails(home.database, 100)).toEqual([]);
    await tx.commit();
    expect(await forRails(world)).toBeUndefined();
  });
});

describe('a task that runs in Rails', () => {
  test('is not started by a stray job, not rebuilt, not woken, not swept', async () => {
    const world = await createdWorld(home.database, { a: [] });
    await choose(world, 'rails');
    await moveAll(home.database);
    await startTasks(home.database, [world.taskId]);
    await wakeUnfinishedTasks(home.database);
    expect([await stateOfTask(home.database, world.taskId), await wakeupOf(world)]).toEqual([
      'pending',
      undefined,
    ]);
    await startAsRails(world);
    await settle();
    await startTasks(home.database, [world.taskId]);
    expect(await derivedRows(home.database, world.taskId)).toEqual(NOTHING);
  });

  test('is created into the outbox, for its instant, and Treadle keeps no deadline for it', async () => {
    const world = await createdWorld(home.database, { a: [] });
    await choose(world, 'rails');
    const run_at = new Date(Date.now() + 3_600_000).toISOString();
    const request = {
      identity_hash: uniqueName('identity'),
      context: { a: 1 },
      run_at,
      deadline_seconds: 7200,
    };
    const [task] = await createTasks(home.database, world.namedTaskId, [request], { enqueued: true });
    const other = { ...world, taskId: task?.task_id ?? 0 };
    expect(await forRails(other)).toEqual({ reason: 'created', in: 3600 });
    expect(await wakeupOf(other)).toBeUndefined();
    const deadlines = 'select from treadle.deadlines where task_id = $1';
    expect(await home.database.query(deadlines, [other.taskId])).toEqual([]);
  });

  test('that was created while the choice was made is passed on by its wake-up', async () => {
    const world = await createdWorld(home.database, { a: [] });
    const tx = await openTransaction(home.database);
    const request = { identity_hash: uniqueName('identity'), context: { a: 1 } };
    const [task] = await createTasks(tx, world.namedTaskId, [request], { enqueued: true });
    await choose(world, 'rails');
    await moveAll(home.database);
    await tx.commit();
    const late = { ...world, taskId: task?.task_id ?? 0 };
    await startTasks(home.database, [late.taskId]);
    expect([await wakeupOf(late), await forRails(late)]).toEqual([
      undefined,
      { reason: 'handed_over', in: 0 },
    ]);
  });

  test('that the gem treadle/rails creates is passed on to Rails', async () => {
    const world = await createdWorld(home.database, { a: [] });
    await choose(world, 'rails');
    await moveAll(home.database);
    await home.database.query('delete from treadle.tasks_for_rails where task_id = $1', [world.taskId]);
    await home.database.query(
      `insert into tasker_task_transitions (task_id, to_state, metadata, sort_key, most_recent, created_at, updated_at)
       values ($1, 'pending', '{"initialized_by": "treadle/rails"}', 0, true, now(), now())`,
      [world.taskId],
    );
    await settle();
    expect(await forRails(world)).toEqual({ reason: 'created', in: 0 });
  });

  test('is given to Rails when an operator retries it, and forgotten when one cancels it', async () => {
    const world = await startedWorld(home.database, { a: [] });
    await claim(world);
    await record(world, failed(world, 'a', null));
    await choose(world, 'rails');
    await moveAll(home.database);
    expect(await forRails(world)).toBeUndefined();
    const { results } = await retryTasks(home.database, [world.taskId], ann);
    expect(results).toMatchObject([{ done: true, task_state: 'pending' }]);
    expect(await forRails(world)).toEqual({ reason: 'retried', in: 0 });
    await cancelTasks(home.database, [world.taskId], ann);
    expect(await forRails(world)).toBeUndefined();
  });
});

describe('a task that comes to Treadle', () => {
  async function inRails(): Promise<World> {
    const world = await createdWorld(home.database, { a: [], b: ['a'] });
    await choose(world, 'rails');
    await moveAll(home.database);
    return world;
  }

  test('is taken at once when Rails has not started it, also out of the outbox', async () => {
    const world = await inRails();
    await choose(world, 'treadle');
    expect(await moveAll(home.database)).toBeUndefined();
    expect([await forRails(world), await wakeupOf(world)]).toEqual([
      undefined,
      { reason: 'recovered', in: 0 },
    ]);
  });

  test('is left alone while Rails has it in progress, and taken when it is put back', async () => {
    const world = await inRails();
    await startAsRails(world);
    await choose(world, 'treadle');
    await moveAll(home.database);
    await settle();
    await startTasks(home.database, [world.taskId]);
    expect(await derivedRows(home.database, world.taskId)).toEqual(NOTHING);
    expect(await memberOf(world)).toMatchObject({ engine: 'treadle', in_rails: 1, in_treadle: 0 });
    await writeAsRails(home.database, 'task', world.taskId, 'pending');
    await settle();
    expect(await claim(world)).toEqual(['a']);
  });

  test('cannot be started by Rails any more, and is looked at when a job of Rails asks', async () => {
    const world = await inRails();
    await choose(world, 'treadle');
    await moveAll(home.database);
    await expect(startAsRails(world)).rejects.toMatchObject({
      code: 'unlawful_transition',
      message: expect.stringMatching(/^task \d+ runs in Treadle, which was chosen for test\//) as string,
    });
    await home.database.query('delete from treadle.wakeups where task_id = $1', [world.taskId]);
    const keep = 'select treadle.keep_from_rails($1) as kept';
    expect(await home.database.query(keep, [world.taskId])).toEqual([{ kept: true }]);
    await settle();
    expect(await claim(world)).toEqual(['a']);
  });

  test('goes on where it was when the choice is taken back before its step has ended', async () => {
    const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
    await claim(world, 1);
    await choose(world, 'rails');
    await moveAll(home.database);
    await choose(world, 'treadle');
    await moveAll(home.database);
    await record(world, completed(world, 'a'));
    await carryOut(world, 'b');
    await carryOut(world, 'c');
    expect(await stateOfTask(home.database, world.taskId)).toBe('complete');
    expect(await violations(home.database, [world.taskId])).toEqual([]);
  });
});

describe('a choice', () => {
  test('that is misspelt is refused, unless it is for what is to come', async () => {
    const misspelt = { subject: 'test/chekout', engine: 'rails' } as const;
    await expect(chooseEngine(home.database, misspelt, ann)).rejects.toMatchObject({
      code: 'invalid_argument',
      message:
        'there is no named task "test/chekout" yet: check the spelling, or say that it is to come (--new)',
    });
    expect(await chooseEngine(home.database, { ...misspelt, isNew: true }, ann)).toEqual({
      done: true,
      moving: 0,
    });
    expect(await forgetChoice(home.database, 'test/chekout')).toEqual({ done: true, moving: 0 });
  });

  test('for Rails holds also for a template that is registered later', async () => {
    const name = uniqueName('later');
    await chooseEngine(home.database, { subject: `test/${name}`, engine: 'rails', isNew: true }, ann);
    const world = await createdWorld(home.database, { a: [] }, { name });
    expect(await memberOf(world)).toMatchObject({ engine: 'rails', rule: 'named_task', described: true });
    expect(await forRails(world)).toMatchObject({ reason: 'created' });
  });

  test('is not forgotten while Rails runs tasks that would come to Treadle unguarded', async () => {
    const world = await createdWorld(home.database, { a: [] });
    const subject = await subjectOf(world);
    await choose(world, 'rails');
    await startAsRails(world);
    await expect(forgetChoice(home.database, subject)).rejects.toMatchObject({ code: 'unlawful_transition' });
    await writeAsRails(home.database, 'task', world.taskId, 'error');
    expect(await forgetChoice(home.database, subject)).toEqual({ done: true, moving: 1 });
    expect(await memberOf(world)).toMatchObject({ engine: 'treadle', rule: 'template' });
  });
});

test('the role of a Rails app needs no more than usage of the schema', async () => {
  const [world, kept] = [
    await createdWorld(home.database, { a: [] }),
    await createdWorld(home.database, { a: [] }),
  ];
  await choose(world, 'rails');
  await moveAll(home.database);
  await inRolledBackTransaction(home.database, async (tx) => {
    for (const statement of [
      'create role rails_app',
      'grant usage on schema treadle to rails_app',
      'set local role rails_app',
    ])
      await tx.query(statement);
    expect((await takeTasksForRails(tx, 1000)).map(({ task_id }) => task_id)).toContain(world.taskId);
    expect(await tx.query('select treadle.keep_from_rails($1) as kept', [kept.taskId])).toEqual([
      { kept: true },
    ]);
  });
});

test('without a choice a start by another hand is lawful, as it was', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await startAsRails(world);
  await settle();
  expect(await claim(world)).toEqual(['a']);
  expect(idOf(world, 'a')).toBeGreaterThan(0);
});

test('a retry that waits in Treadle comes due there also after two switches', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  await record(world, failed(world, 'a', 5000));
  for (const engine of ['rails', 'treadle'] as const) {
    await choose(world, engine);
    await moveAll(home.database);
  }
  expect((await wakeupOf(world))?.in).toBeGreaterThan(0);
  await moveClock(home.database, 10);
  await startTasks(home.database, [world.taskId]);
  expect(await claim(world)).toEqual(['a']);
});
