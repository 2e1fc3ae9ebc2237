// Two engines on one database: named tasks that run in the Rails engine (a stand-in with its rules, in a process of its own) and
// named tasks that run in Treadle, switched while they are in flight. No step is run by both, and none by the wrong one.
import { beforeAll, expect, test } from 'vitest';
import type { TaskTemplate } from '../../core/template/template.ts';
import type { Engine } from '../../engine/engine.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { eventually, startEngine } from '../support/engines.ts';
import { stateOfTask } from '../support/trail.ts';
import {
  closeGate,
  fleetStep,
  fleetTemplate,
  makeFleetLog,
  noTasker,
  openGates,
  startTasker,
  untilComplete,
  workOf,
} from '../support/tasker.ts';

const home = testDatabase();
beforeAll(() => makeFleetLog(home.database));

function engineFor(...templates: readonly TaskTemplate[]): Promise<Engine> {
  return startEngine({
    database: home.url,
    templates,
    works: { fleet_step: fleetStep(home.database) },
    concurrency: 20,
  });
}

async function createMany(engine: Engine, { name }: TaskTemplate, count: number): Promise<number[]> {
  const request = { namespace_name: 'fleet', name, context: { a: 1 } };
  const created = await engine.createTasks(Array.from({ length: count }, () => request));
  return created.map(({ task_id }) => task_id);
}

const subject = ({ name }: TaskTemplate): string => `fleet/${name}`;

async function nothingMoves(): Promise<void> {
  await eventually(
    () => home.database.query('select from treadle.moving_named_tasks'),
    (moves) => moves.length === 0,
  );
}

test.skipIf(noTasker)('each engine runs the steps of its own named task, and none of the other', async () => {
  const [ported, left] = [fleetTemplate(), fleetTemplate()];
  const engine = await engineFor(ported, left);
  await engine.fleet.choose({ subject: subject(left), engine: 'rails' }, { by: 'ann' });
  const [ours, theirs] = [await createMany(engine, ported, 100), await createMany(engine, left, 100)];
  await startTasker({ url: home.url });
  await untilComplete(home.database, [...ours, ...theirs]);
  expect(await workOf(home.database, ours)).toEqual({ rails: 0, treadle: 400, twice: 0 });
  expect(await workOf(home.database, theirs)).toEqual({ rails: 400, treadle: 0, twice: 0 });
  expect(await violations(home.database, [...ours, ...theirs])).toEqual([]);
});

test.skipIf(noTasker)('200 tasks that are switched back and forth in flight run each step once', async () => {
  const templates = [fleetTemplate(), fleetTemplate()];
  const engine = await engineFor(...templates);
  await startTasker({ url: home.url });
  const tasks: number[] = [];
  for (const template of templates) tasks.push(...(await createMany(engine, template, 100)));
  for (let round = 1; round <= 6; round += 1) {
    const [first, second] =
      round % 2 === 1 ? (['rails', 'treadle'] as const) : (['treadle', 'rails'] as const);
    await engine.fleet.choose({ subject: subject(templates[0] ?? fleetTemplate()), engine: first });
    await engine.fleet.choose({ subject: subject(templates[1] ?? fleetTemplate()), engine: second });
    await untilComplete(home.database, tasks, round * 25);
  }
  await untilComplete(home.database, tasks);
  const work = await workOf(home.database, tasks);
  expect([work.rails + work.treadle, work.twice]).toEqual([800, 0]);
  expect(Math.min(work.rails, work.treadle)).toBeGreaterThan(0);
  expect(await violations(home.database, tasks)).toEqual([]);
});

test.skipIf(noTasker)(
  'a task leaves Treadle when its running step has ended, and goes on in Rails',
  async () => {
    const template = fleetTemplate();
    const engine = await engineFor(template);
    await closeGate(home.database, 'treadle');
    const [taskId = 0] = await createMany(engine, template, 1);
    await eventually(
      () => workOf(home.database, [taskId]),
      ({ treadle }) => treadle === 1,
    );
    await startTasker({ url: home.url });
    await engine.fleet.choose({ subject: subject(template), engine: 'rails' });
    await eventually(
      () => engine.fleet.list(),
      (fleet) => fleet.some(({ leaving }) => leaving === 1),
    );
    await openGates(home.database);
    await untilComplete(home.database, [taskId]);
    expect(await workOf(home.database, [taskId])).toEqual({ rails: 3, treadle: 1, twice: 0 });
  },
);

test.skipIf(noTasker)('a task that Rails has in progress ends there, others come at once', async () => {
  const template = fleetTemplate();
  const engine = await engineFor(template);
  const rails = await startTasker({ url: home.url, takesOver: false });
  await engine.fleet.choose({ subject: subject(template), engine: 'rails' });
  const [begun = 0, ...others] = await createMany(engine, template, 10);
  await closeGate(home.database, 'rails');
  rails.enqueue(begun);
  await rails.says(/^runs step /);
  await engine.fleet.choose({ subject: subject(template), engine: 'treadle' });
  await untilComplete(home.database, others);
  expect(await stateOfTask(home.database, begun)).toBe('in_progress');
  await openGates(home.database);
  await untilComplete(home.database, [begun]);
  expect(await workOf(home.database, [begun])).toEqual({ rails: 4, treadle: 0, twice: 0 });
  expect(await workOf(home.database, others)).toEqual({ rails: 0, treadle: 36, twice: 0 });
});

test.skipIf(noTasker).each([
  [true, /^task \d+ runs in Treadle; Tasker::TaskRunnerJob leaves it alone$/],
  [false, /Error performing Tasker::TaskRunnerJob .*task \d+ runs in Treadle, which was chosen for fleet\//],
])('a stray job of Rails starts nothing (guarded by the gem: %s)', async (guarded, said) => {
  const template = fleetTemplate();
  const engine = await engineFor(template);
  await engine.fleet.choose({ subject: subject(template), engine: 'treadle' });
  await nothingMoves();
  const rails = await startTasker({ url: home.url, takesOver: false, guarded });
  const request = { namespace_name: 'fleet', name: template.name, context: { a: 1 } };
  const { task_id } = await engine.createTask({ ...request, run_at: new Date(Date.now() + 3_600_000) });
  rails.enqueue(task_id);
  await rails.says(said);
  expect([await stateOfTask(home.database, task_id), await workOf(home.database, [task_id])]).toEqual([
    'pending',
    { rails: 0, treadle: 0, twice: 0 },
  ]);
});

test.skipIf(noTasker)(
  'tasks that a killed Rails app has left in progress wait for an operator, all others run',
  async () => {
    const template = fleetTemplate();
    const engine = await engineFor(template);
    const rails = await startTasker({ url: home.url });
    await engine.fleet.choose({ subject: subject(template), engine: 'rails' });
    await closeGate(home.database, 'rails');
    const tasks = await createMany(engine, template, 40);
    await rails.says(/^runs step /);
    await engine.fleet.choose({ subject: subject(template), engine: 'treadle' });
    await rails.kill();
    await openGates(home.database);
    const member = (await engine.fleet.list()).find(({ name }) => name === template.name);
    const left = member?.in_rails ?? 0;
    await untilComplete(home.database, tasks, tasks.length - left);
    expect(left).toBeGreaterThan(0);
    expect(member?.oldest_in_rails_seconds).toBeGreaterThanOrEqual(0);
    expect((await workOf(home.database, tasks)).twice).toBe(0);
  },
);
