import { expect, test } from 'vitest';
import { expireTasks, registerTemplate } from '../../sql/tasks.ts';
import { treadle } from '../support/cli.ts';
import { eventually } from '../support/engines.ts';
import { templateOf } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';

const db = testDatabase();

test('treadle run --deadline gives the task a deadline, and treadle status shows it', async () => {
  const template = templateOf({ a: [] });
  await registerTemplate(db.database, template, template);
  const task = `test/${template.name}`;
  const created = await treadle(['run', task, '-c', '{"n": 1}', '--deadline', '10m'], { url: db.url });
  expect(created.status).toBe(0);
  const [row] = await db.database.query<{ id: number }>('select task_id as id from treadle.deadlines');
  const { stdout } = await treadle(['status', String(row?.id)], { url: db.url });
  expect(stdout).toMatch(/^ {2}deadline \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ \(in 9 min \d+ s\)$/m);
});

test('of a task whose deadline passed treadle run --wait and treadle status say so', async () => {
  const template = templateOf({ a: [] });
  await registerTemplate(db.database, template, template);
  const waiting = treadle(['run', `test/${template.name}`, '-c', '{"n": 1}', '--deadline', '1s', '--wait'], {
    url: db.url,
  });
  const next = async () => (await expireTasks(db.database, 10)).finalized[0];
  const ended = await eventually(next, (task) => task !== undefined);
  expect(await waiting).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('the deadline of the task passed') as string,
  });
  const { stdout } = await treadle(['status', String(ended?.task_id)], { url: db.url });
  expect(stdout).toMatch(/^ {2}deadline passed at \d{4}-\d\d-\d\d /m);
});

test('a deadline that is none is refused', async () => {
  const { status, stderr } = await treadle(['run', 'test/x', '-c', '{"n": 1}', '--deadline', 'soon'], {
    url: db.url,
  });
  expect([status, stderr]).toEqual([2, expect.stringContaining('Expected a duration') as string]);
});
