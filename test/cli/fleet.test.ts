import { expect, onTestFinished, test } from 'vitest';
import { startTasks } from '../../sql/tasks.ts';
import { startTreadle, treadle, type RunningCli } from '../support/cli.ts';
import { claim, completed, createdWorld, record, startedWorld, writeAsRails } from '../support/factories.ts';
import { forRails, subjectOf } from '../support/fleets.ts';
import { testDatabase } from '../support/postgres.ts';
import { stateOfTask, wakeupOf } from '../support/trail.ts';

const db = testDatabase();
const cli = (...args: readonly string[]) => treadle(['fleet', ...args], { url: db.url });

function startChoosing(...args: readonly string[]): RunningCli {
  const running = startTreadle(['fleet', 'choose', ...args], { url: db.url });
  onTestFinished(() => void running.child.kill('SIGKILL'));
  return running;
}

test('a choice for Rails moves the tasks without any engine, and says what is left to do', async () => {
  const world = await startedWorld(db.database, { a: [] });
  const subject = await subjectOf(world);
  const { stdout, status } = await cli('choose', subject, 'rails', '--reason', 'not ported');
  expect(stdout).toBe(
    `${subject} runs in rails from now on\n` +
      'nothing of it is left in Treadle; 1 task waits to be handed to Rails\n',
  );
  expect([status, await forRails(world)]).toEqual([0, { reason: 'handed_over', in: 0 }]);
});

test('it waits until the running step has ended', async () => {
  const world = await startedWorld(db.database, { a: [], b: ['a'] });
  await claim(world);
  const subject = await subjectOf(world);
  const { ended } = startChoosing(subject, 'rails', '--json', '--by', 'ann');
  await expect.poll(async () => (await cli('--json')).stdout, { timeout: 15_000 }).toContain('"leaving":1');
  await record(world, completed(world, 'a'));
  const { stdout, status } = await ended;
  expect([status, JSON.parse(stdout)]).toEqual([
    0,
    { subject, engine: 'rails', done: true, moving: 1, in_rails: 1, for_rails: 1, interrupted: false },
  ]);
});

test('interrupted, the choice stands, and the next call goes on with it', async () => {
  const world = await startedWorld(db.database, { a: [] });
  await claim(world);
  const subject = await subjectOf(world);
  const { child, says, ended } = startChoosing(subject, 'rails');
  await says('from now on');
  child.kill('SIGINT');
  const { status, stderr } = await ended;
  expect([status, stderr]).toEqual([
    130,
    'interrupted: the choice stands, and running engines go on moving its tasks\n',
  ]);
  await record(world, completed(world, 'a'));
  expect((await cli('choose', subject, 'rails')).stdout).toBe(
    `${subject} was chosen for rails already\nnothing of it is left in Treadle\n`,
  );
});

test('a choice for Treadle takes what waits in Rails, and says what Rails still runs', async () => {
  const [world, other] = [
    await createdWorld(db.database, { a: [] }),
    await createdWorld(db.database, { a: [] }),
  ];
  const subject = await subjectOf(world);
  for (const each of [subject, await subjectOf(other)]) await cli('choose', each, 'rails');
  await writeAsRails(db.database, 'task', other.taskId, 'in_progress');
  expect((await cli('choose', subject, 'treadle')).stdout).toContain('nothing of it is left in Rails');
  expect((await cli('choose', await subjectOf(other), 'treadle')).stdout).toContain(
    '1 task in progress in Rails: it ends them, or they come when it puts them back',
  );
  expect([(await wakeupOf(world))?.reason, await wakeupOf(other)]).toEqual(['recovered', undefined]);
});

test('what a dead Rails has left in progress is taken by adopt, when a person says so', async () => {
  const world = await createdWorld(db.database, { a: [] });
  const subject = await subjectOf(world);
  await cli('choose', subject, 'rails');
  await writeAsRails(db.database, 'task', world.taskId, 'in_progress');
  await cli('choose', subject, 'treadle');
  await treadle(['adopt', '--yes'], { url: db.url });
  expect([await stateOfTask(db.database, world.taskId), (await wakeupOf(world))?.reason]).toEqual([
    'pending',
    'recovered',
  ]);
  await startTasks(db.database, [world.taskId]);
  expect(await claim(world)).toEqual(['a']);
});

test('--again hands over once more what the queue of Rails has lost', async () => {
  const world = await createdWorld(db.database, { a: [] });
  const subject = await subjectOf(world);
  await cli('choose', subject, 'rails');
  await db.database.query('delete from treadle.tasks_for_rails');
  await cli('choose', subject, 'rails', '--again');
  expect(await forRails(world)).toEqual({ reason: 'handed_over', in: 0 });
});

test('the list says where tasks run and why; doctor says when nobody takes them to Rails', async () => {
  const world = await createdWorld(db.database, { a: [] }, { version: '2.0.0' });
  const subject = await subjectOf(world);
  await cli('choose', subject, 'rails', '--by', 'ann', '--reason', 'not ported');
  const { stdout } = await cli();
  expect(stdout.split('\n').find((line) => line.includes(subject))).toMatch(
    /test\/\S+@2\.0\.0 .* rails .* it was chosen by ann since .*: not ported .* 0 .* 1 .* 1/,
  );
  expect((await treadle(['doctor'], { url: db.url })).stdout).toMatch(
    /fleet\s+\d+ tasks wait to be handed to the Rails engine/,
  );
  expect((await cli('forget', subject)).stdout).toBe(
    `forgot the choice for ${subject}; 1 named task moves\n`,
  );
});

test.each([
  [['choose', 'tset', 'rails'], 2, 'there is no namespace "tset" yet'],
  [['choose', 'test/', 'rails'], 2, 'expected a namespace or namespace/name, got "test/"'],
  [['choose', 'test', 'ruby'], 2, 'Allowed choices are rails, treadle'],
])('%j is refused', async (args, status, said) => {
  await createdWorld(db.database, { a: [] });
  const refused = await cli(...args);
  expect([refused.status, refused.stdout]).toEqual([status, '']);
  expect(refused.stderr).toContain(said);
});
