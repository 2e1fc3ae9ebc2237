// A Rails app (or a person in its console) writes into the same tables while an engine runs: the engine notices.
import { expect, test } from 'vitest';
import { PermanentError } from '../../core/errors.ts';
import { create, eventually, runToEnd, Signal, startEngine } from '../support/engines.ts';
import { stepIdsOf, templateOf, writeAsRails } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { statesOfSteps, statesThrough, stepColumns } from '../support/trail.ts';

const home = testDatabase();

/** Fails for good, as long as `broken` says so. */
const guarded = (broken: { yes: boolean }) => () => {
  if (broken.yes) throw new PermanentError('the printer is on fire');
  return 'printed';
};

test('a failed step that a person resolves lets its children run, and the task completes', async () => {
  const template = templateOf({ print: [], long: [], ship: ['print'] });
  const [failed, shipped] = [new Signal(), new Signal()];
  const works = { print: guarded({ yes: true }), long: () => shipped.happened, ship: shipped.happen };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  engine.on('step.failed', failed.happen);
  const taskId = await create(engine, template);
  await failed.happened;
  const print = (await stepIdsOf(home.database, taskId))['print'] ?? 0;
  await home.database.transaction((tx) => writeAsRails(tx, 'workflow_step', print, 'resolved_manually'));
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await statesOfSteps(home.database, taskId)).toEqual({
    print: 'resolved_manually',
    long: 'complete',
    ship: 'complete',
  });
});

test('a failed task goes on when its failed step is resolved and it is put back to pending', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const works = { print: guarded({ yes: true }), ship: () => 'shipped' };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const { taskId, state } = await runToEnd(engine, template);
  expect(state).toBe('error');
  const print = (await stepIdsOf(home.database, taskId))['print'] ?? 0;
  await home.database.transaction(async (tx) => {
    await writeAsRails(tx, 'workflow_step', print, 'resolved_manually');
    await writeAsRails(tx, 'task', taskId, 'pending');
  });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  const states = await statesThrough(home.database, 'task', taskId);
  expect(states).toEqual(['in_progress', 'error', 'pending', 'in_progress', 'complete']);
});

test('a failed task is tried again when a person gives its step new attempts', async () => {
  const template = templateOf({ print: [] });
  const broken = { yes: true };
  const engine = await startEngine({
    database: home.database,
    templates: [template],
    works: { print: guarded(broken) },
  });
  const { taskId } = await runToEnd(engine, template);
  const print = (await stepIdsOf(home.database, taskId))['print'] ?? 0;
  broken.yes = false;
  await home.database.transaction(async (tx) => {
    await tx.query('update tasker_workflow_steps set attempts = 0 where workflow_step_id = $1', [print]);
    await writeAsRails(tx, 'workflow_step', print, 'pending');
    await writeAsRails(tx, 'task', taskId, 'pending');
  });
  expect(await engine.waitForTask(taskId)).toBe('complete');
  expect(await stepColumns(home.database, print)).toMatchObject({ attempts: 1, results: 'printed' });
});

test('a step that a person cancels while it runs ends the task, and its answer is refused', async () => {
  const template = templateOf({ print: [] });
  const [running, release] = [new Signal(), new Signal()];
  const print = async () => {
    running.happen();
    await release.happened;
    return 'printed';
  };
  const engine = await startEngine({ database: home.database, templates: [template], works: { print } });
  const taskId = await create(engine, template);
  await running.happened;
  const step = (await stepIdsOf(home.database, taskId))['print'] ?? 0;
  await home.database.transaction((tx) => writeAsRails(tx, 'workflow_step', step, 'cancelled'));
  expect(await engine.waitForTask(taskId)).toBe('error');
  release.happen();
  await engine.stop();
  expect(await stepColumns(home.database, step)).toMatchObject({ attempts: 0, results: {} });
});

test('a task that a person cancels offers nothing more, and its answer is refused', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const [running, release, shipped] = [new Signal(), new Signal(), [] as string[]];
  const print = async () => {
    running.happen();
    await release.happened;
  };
  const works = { print, ship: () => shipped.push('shipped') };
  const engine = await startEngine({ database: home.database, templates: [template], works });
  const taskId = await create(engine, template);
  await running.happened;
  await home.database.transaction((tx) => writeAsRails(tx, 'task', taskId, 'cancelled'));
  const cancelled = { print: 'cancelled', ship: 'cancelled' };
  const states = () => statesOfSteps(home.database, taskId);
  await eventually(states, ({ ship }) => ship === 'cancelled');
  release.happen();
  await engine.stop();
  expect([await engine.waitForTask(taskId), await states(), shipped]).toEqual(['cancelled', cancelled, []]);
});

test('what was written while no engine ran is noticed when one starts', async () => {
  const template = templateOf({ print: [], ship: ['print'] });
  const works = { print: guarded({ yes: true }), ship: () => 'shipped' };
  const first = await startEngine({ database: home.database, templates: [template], works });
  const { taskId } = await runToEnd(first, template);
  await first.stop();
  const print = (await stepIdsOf(home.database, taskId))['print'] ?? 0;
  await writeAsRails(home.database, 'workflow_step', print, 'resolved_manually');
  await writeAsRails(home.database, 'task', taskId, 'pending');
  const second = await startEngine({ database: home.database, templates: [template], works });
  expect(await second.waitForTask(taskId)).toBe('complete');
});
