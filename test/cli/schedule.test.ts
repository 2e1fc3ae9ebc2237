// `treadle schedule` as a user runs it: what it says, what it stores, and how it refuses.
import { expect, test } from 'vitest';
import { Templates } from '../../engine/templates.ts';
import type { ListedSchedule } from '../../sql/schedules.ts';
import { treadle, type CliOptions } from '../support/cli.ts';
import { templateOf, uniqueName } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';

const db = testDatabase();
const context = ['--context', '{"order_id": 1}'];

const cli = (args: readonly string[], options: CliOptions = {}) =>
  treadle(['schedule', ...args], { url: db.url, ...options });

/** A registered template of its own for each test. */
async function template(): Promise<string> {
  const made = templateOf(
    { a: [], b: [] },
    { name: uniqueName('report'), steps: { b: { skippable: true } } },
  );
  const schema = { type: 'object', properties: { order_id: { type: 'integer' } }, required: ['order_id'] };
  await new Templates(db.database, 'development').register([{ ...made, schema }]);
  return made.name;
}

async function added(...more: readonly string[]): Promise<ListedSchedule> {
  const args = ['add', `test/${await template()}`, '--cron', '0 9 * * *', ...context, ...more, '--json'];
  const { stdout, stderr } = await cli(args);
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { schedule: ListedSchedule }).schedule;
}

test('add stores what it was given and says when the first tick comes', async () => {
  const name = await template();
  const labels = ['--tag', 'x,y', '--reason', 'why', '--bypass', 'b', '--deadline', '10m'];
  const when = [
    '--cron',
    '0 9 * * *',
    '--timezone',
    'Europe/Paris',
    '--backfill',
    '7',
    '--start',
    '2099-07-01T00:00:00Z',
  ];
  const { status, stdout } = await cli(['add', `test/${name}`, ...when, ...context, ...labels]);
  expect([status, stdout]).toEqual([
    0,
    `added schedule ${name}: test/${name}, first at 2099-07-01 07:00:00Z\n`,
  ]);
  const listed = (await cli(['show', name, '--json'])).stdout;
  expect((JSON.parse(listed) as { schedule: unknown }).schedule).toMatchObject({
    timezone: 'Europe/Paris',
    missed: 'backfill',
    backfill_limit: 7,
    context: { order_id: 1 },
    labels: { tags: ['x', 'y'], reason: 'why', bypass_steps: ['b'], deadline_seconds: 600 },
    created_by: expect.stringMatching(/@/),
  });
});

test('add takes its context from a file or stdin too, one row of it', async () => {
  const name = await template();
  const add = ['add', `test/${name}`, '--cron', '@daily', '--input', '-'];
  expect(await cli(add, { input: '{"order_id": 5}\n' })).toMatchObject({ status: 0 });
  const two = await cli(add, { input: '{"order_id": 5}\n{"order_id": 6}\n' });
  expect([two.status, two.stderr]).toEqual([
    2,
    'treadle: expected one row in the input of a schedule, came several\n',
  ]);
});

test.each([
  [['--cron', '61 * * * *', ...context], /schedule: cron: expected a cron expression .* minute: 61/],
  [
    ['--cron', '@daily', ...context, '--backfill', '2', '--missed', 'once'],
    /--missed: expected backfill beside/,
  ],
  [['--cron', '@daily'], /expected either --input <file> or --context <json>/],
])('add refuses %j in one line', async (args, words) => {
  const { status, stdout, stderr } = await cli(['add', `test/${await template()}`, ...args]);
  expect([status, stdout, stderr.trimEnd().split('\n')]).toEqual([2, '', [expect.stringMatching(words)]]);
});

test('list shows every schedule, and why one does not come', async () => {
  const { name, schedule_id } = await added();
  await db.database.query('select treadle.fail_schedule($1, $2)', [schedule_id, 'no such template']);
  const { stdout } = await cli(['list']);
  expect(stdout).toMatch(new RegExp(`${name} +│ test/${name} +│ 0 9 \\* \\* \\* +│ UTC +│ error +│ - +│ -`));
  expect(stdout).toContain(`${name}: no such template\n`);
});

test('show says what comes next, in UTC and by the clock on the wall', async () => {
  const { name } = await added('--timezone', 'Europe/Paris', '--start', '2099-07-01T00:00:00Z');
  const { stdout } = await cli(['show', name]);
  expect(stdout).toMatch(
    /next:\n {2}2099-07-01 07:00:00Z {2}2099-07-01 09:00:00 .*\n( {2}.*\n){4}last tasks: none\n/,
  );
});

test('pause and resume say what they did, once', async () => {
  const { name } = await added();
  const pause = () => cli(['pause', name, '--by', 'ann', '--reason', 'holiday']);
  expect((await pause()).stdout).toBe(`paused schedule ${name}\n`);
  expect((await pause()).stdout).toBe(`schedule ${name} is paused already\n`);
  expect((await cli(['show', name])).stdout).toMatch(/state: paused, paused by ann since .*: holiday\n/);
  expect((await cli(['resume', name])).stdout).toMatch(/^resumed schedule .*: next at .* 09:00:00Z\n$/);
  expect((await cli(['resume', name])).stdout).toBe(`schedule ${name} was not paused\n`);
});

test('run creates a task now, and show names it', async () => {
  const { name } = await added('--tag', 'x');
  const { stdout } = await cli(['run', name, '--json']);
  const { task_id } = JSON.parse(stdout) as { task_id: number };
  const rows = await db.database.query('select tags from tasker_tasks where task_id = $1', [task_id]);
  expect(rows).toEqual([{ tags: ['x', `schedule:${name}`] }]);
  expect((await cli(['show', name])).stdout).toMatch(
    new RegExp(`last tasks:\n {2}${task_id} {2}pending {2}for `),
  );
});

test('remove removes it, and a mistyped name is told', async () => {
  const { name } = await added();
  const wrong = await cli(['remove', `${name}x`]);
  const advice = `treadle: there is no schedule "${name}x" (did you mean "${name}"?)\n`;
  expect([wrong.status, wrong.stderr]).toEqual([2, advice]);
  expect((await cli(['remove', name])).stdout).toBe(`removed schedule ${name}\n`);
  expect((await cli(['show', name])).status).toBe(2);
});
