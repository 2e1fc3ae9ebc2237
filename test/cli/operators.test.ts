import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { jsonOf, taskIds } from '../../cli/operator.ts';
import { treadle } from '../support/cli.ts';
import { claim, failed, idOf, record, startedWorld, type World } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, stepColumns, trailOf } from '../support/trail.ts';

const db = testDatabase();
const cli = (...args: readonly (string | number)[]) => treadle(args.map(String), { url: db.url });
const running = () => startedWorld(db.database, { a: [], b: ['a'] });

async function failedWorld(): Promise<World> {
  const world = await running();
  await claim(world);
  await record(world, failed(world, 'a', null));
  return world;
}

const jsonResults = (stdout: string) => (JSON.parse(stdout) as { results: unknown[] }).results;

describe('treadle cancel', () => {
  it('says what it cancelled, and who did it stays in the audit trail', async () => {
    const world = await running();
    await claim(world);
    const { status, stdout } = await cli('cancel', world.taskId, '--by', 'ann', '--reason', 'wrong address');
    expect([status, stdout]).toEqual([
      0,
      `cancelled task ${world.taskId}: 2 steps cancelled, 1 running step told to stop\n`,
    ]);
    const last = (await trailOf(db.database, 'task', world.taskId)).at(-1);
    expect(last).toMatchObject({ to_state: 'cancelled', metadata: { by: 'ann', reason: 'wrong address' } });
  });

  it('takes ranges, does what it can, and ends with 1 when something was refused', async () => {
    const [first, last] = [await running(), await running()];
    await cli('cancel', first.taskId);
    const { status, stdout, stderr } = await cli('cancel', `${first.taskId}-${last.taskId}`, 987_654);
    expect([status, stdout]).toEqual([1, `cancelled task ${last.taskId}: 2 steps cancelled\n`]);
    expect(stderr.split('\n').slice(0, 2)).toEqual([
      `treadle: task ${first.taskId} is cancelled, expected pending or in_progress or error`,
      'treadle: there is no task 987654',
    ]);
  });

  it('gives everything as data with --json', async () => {
    const world = await running();
    const { status, stdout } = await cli('cancel', world.taskId, '--json');
    expect([status, jsonResults(stdout)]).toMatchObject([0, [{ task_id: world.taskId, done: true }]]);
    const { metadata } = (await trailOf(db.database, 'task', world.taskId)).at(-1) ?? {};
    expect(metadata?.['by']).toMatch(/^.+@.+$/); // the user of this machine: nobody was named
    const again = await cli('cancel', world.taskId, '--json');
    const refusal = { done: false, code: 'unlawful_transition', why: expect.any(String) };
    expect([again.status, jsonResults(again.stdout)]).toMatchObject([1, [refusal]]);
  });
});

describe('arguments of operators', () => {
  it('name tasks one by one and in ranges', () => {
    expect(taskIds('7-9', taskIds('5'))).toEqual([
      { first: 5, last: 5 },
      { first: 7, last: 9 },
    ]);
  });

  it.each(['five', '0', '9-3', '1-', '', '-4'])('refuse %j as a task', (text) => {
    expect(() => taskIds(text)).toThrow('Expected a task_id like 42');
  });

  it('give results as JSON or in a file', () => {
    const file = join(tmpdir(), `treadle-results-${process.pid}.json`);
    writeFileSync(file, '[1, 2]');
    expect([jsonOf('--results', '"done"'), jsonOf('--results', `@${file}`)]).toEqual(['done', [1, 2]]);
    rmSync(file);
  });

  it.each(['{oops', '@/nowhere.json', ''])('refuse %j as results', (text) => {
    expect(() => jsonOf('--results', text)).toThrow('--results: expected JSON or @file, came:');
  });
});

describe('treadle pause and resume', () => {
  it('hold a task and let it go', async () => {
    const world = await running();
    const name = `task ${world.taskId}`;
    const paused = await cli('pause', world.taskId, '--by', 'ann', '--reason', 'audit');
    expect(paused.stdout).toBe(`paused ${name}: 1 ready step held, running steps go on\n`);
    const again = await cli('pause', world.taskId);
    expect([again.status, again.stdout]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^${name} is paused already, by ann since .+Z: audit\n$`)),
    ]);
    expect((await cli('pause')).stdout).toMatch(new RegExp(`^${name}: 1 ready step held, paused by ann`));
    expect((await cli('status', world.taskId)).stdout).toContain('ready, but its task is paused by ann');
    expect((await cli('resume', world.taskId)).stdout).toBe(`resumed ${name}: 1 step can run\n`);
    expect((await cli('resume', world.taskId)).stdout).toBe(`${name} was not paused\n`);
  });

  it('take namespaces and handlers', async () => {
    const world = await running();
    await cli('pause', '--namespace', 'test', '--handler', world.handler);
    expect(await claim(world)).toEqual([]);
    const results = jsonResults(
      (await cli('resume', '-n', 'test', '--handler', world.handler, '--json')).stdout,
    );
    expect(results).toMatchObject([
      { scope: 'namespace', subject: 'test', done: true },
      { scope: 'handler', subject: world.handler, done: true, still_held: 0 },
    ]);
    expect(await claim(world)).toEqual(['a']);
  });

  it('say what does not exist', async () => {
    const { status, stderr } = await cli('pause', '--namespace', 'nowhere');
    expect([status, stderr]).toEqual([2, 'treadle: there is no namespace "nowhere"\n']);
    expect((await cli('resume')).status).toBe(2);
    expect((await cli('pause')).stdout).toBe('nothing is paused\n');
  });
});

describe('treadle retry', () => {
  it('puts the failed steps of a task back', async () => {
    const world = await failedWorld();
    const { status, stdout } = await cli('retry', world.taskId);
    expect([status, stdout]).toEqual([
      0,
      `retried task ${world.taskId}: 1 step put back, the task is in_progress\n`,
    ]);
    expect(await claim(world)).toEqual(['a']);
  });

  it('puts one step back by its name', async () => {
    const world = await failedWorld();
    const { stdout } = await cli('retry', world.taskId, '--step', 'a');
    expect(stdout).toBe(`retried step a of task ${world.taskId}: the task is in_progress\n`);
  });

  it.each([
    ['nothing', 1, 'has no step to retry', []],
    ['a step that is not there', 2, 'has no step "z"', ['--step', 'z']],
    ['a step that has not failed', 1, 'is pending, expected error', ['--step', 'a']],
  ] as const)('says that there is %s to retry', async (_what, exit, why, args) => {
    const { status, stderr } = await cli('retry', (await running()).taskId, ...args);
    expect([status, stderr]).toEqual([exit, expect.stringContaining(why)]);
  });
});

describe('treadle resolve', () => {
  it('resolves a step with results, and the task goes on', async () => {
    const world = await failedWorld();
    const args = ['--step', 'a', '--results', '{"payment_id": "p-1"}', '--by', 'ann'];
    const { stdout } = await cli('resolve', world.taskId, ...args);
    expect(stdout).toBe(
      `resolved step a of task ${world.taskId}, which was error: the task is in_progress\n`,
    );
    expect(await stepColumns(db.database, idOf(world, 'a'))).toMatchObject({
      results: { payment_id: 'p-1' },
    });
    expect((await cli('status', world.taskId)).stdout).toContain('resolved by ann');
  });

  it('takes a running step away only with --force', async () => {
    const world = await running();
    await claim(world);
    const { status, stderr } = await cli('resolve', world.taskId, '--step', 'a');
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('is in_progress, expected pending or error'),
    ]);
    expect((await cli('resolve', world.taskId, '--step', 'a', '--force')).status).toBe(0);
    expect(await statesOfSteps(db.database, world.taskId)).toMatchObject({ a: 'resolved_manually' });
  });

  it('ends a failed task', async () => {
    const world = await failedWorld();
    const { stdout } = await cli('resolve', world.taskId);
    expect(stdout).toBe(`resolved task ${world.taskId}: it has ended\n`);
    expect(await stateOfTask(db.database, world.taskId)).toBe('resolved_manually');
  });

  it('refuses results without a step', async () => {
    const { status, stderr } = await cli('resolve', 1, '--results', '{}');
    expect([status, stderr]).toEqual([2, expect.stringContaining('name it with --step')]);
  });
});
