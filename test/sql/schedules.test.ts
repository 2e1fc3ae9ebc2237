// What the database keeps of schedules: names, locks of those that are due, pauses, and what templates say of theirs.
import { expect, onTestFinished, test } from 'vitest';
import { MISSED_POLICIES } from '../../core/schedule/schedule.ts';
import type { Database, Executor } from '../../sql/database.ts';
import {
  addSchedule,
  advanceSchedules,
  dueSchedules,
  failSchedule,
  listSchedules,
  nextScheduleInMs,
  noteScheduledTask,
  pauseSchedule,
  putTemplateSchedules,
  recentScheduledTasks,
  removeSchedule,
  resumeSchedule,
  type NewSchedule,
  type TemplateSchedule,
} from '../../sql/schedules.ts';
import { registerTemplate } from '../../sql/tasks.ts';
import { createdWorld, templateOf } from '../support/factories.ts';
import { createTestDatabase } from '../support/postgres.ts';

async function fresh(): Promise<Database> {
  const { database, drop } = await createTestDatabase();
  onTestFinished(drop);
  return database;
}

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000);

const timetable = { cron: '@hourly', timezone: 'UTC', missed: 'skip', backfill_limit: 1 } as const;
const hourly: NewSchedule = {
  ...timetable,
  name: null,
  namespace_name: 'shop',
  task_name: 'order',
  version: null,
  starts_at: null,
  ends_at: null,
  context: { a: 1 },
  labels: {},
  next_at: inSeconds(3600),
  created_by: 'ann',
};

const add = (db: Executor, more: Partial<NewSchedule> = {}) => addSchedule(db, { ...hourly, ...more });

test('a schedule without a name gets that of its task, with a number where it is taken', async () => {
  const db = await fresh();
  expect([await add(db), await add(db), await add(db)]).toEqual(['order', 'order-2', 'order-3']);
  await removeSchedule(db, 'order-2');
  expect(await add(db)).toBe('order-2');
});

test('a name that was asked for must be free', async () => {
  const db = await fresh();
  await add(db, { name: 'nightly' });
  await expect(add(db, { name: 'nightly' })).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('schedules come back as they were given', async () => {
  const db = await fresh();
  const given = {
    ...hourly,
    starts_at: inSeconds(-60),
    version: '1.0.0',
    labels: { tags: ['x'], reason: 'why' },
  };
  await add(db, given);
  const [listed] = await listSchedules(db);
  expect(listed).toMatchObject({
    ...given,
    name: 'order',
    state: 'active',
    from_template: false,
    error: null,
  });
});

test('those that are due are locked, the most overdue first, and others pass over them', async () => {
  const db = await fresh();
  await add(db, { name: 'late', next_at: inSeconds(-5) });
  await add(db, { name: 'later', next_at: inSeconds(-50) });
  await add(db, { name: 'tomorrow' });
  await db.transaction(async (tx) => {
    expect((await dueSchedules(tx, 10)).map(({ name }) => name)).toEqual(['later', 'late']);
    expect(await db.transaction((other) => dueSchedules(other, 10))).toEqual([]);
  });
  expect(await db.transaction((tx) => dueSchedules(tx, 1))).toMatchObject([
    { name: 'later', context: { a: 1 } },
  ]);
});

test('the next tick is the earliest of those that are not paused', async () => {
  const db = await fresh();
  expect(await nextScheduleInMs(db)).toBeNull();
  await add(db, { name: 'soon', next_at: inSeconds(60) });
  await add(db, { name: 'far' });
  expect((await nextScheduleInMs(db)) ?? 0).toBeLessThanOrEqual(60_000);
  await pauseSchedule(db, 'soon', { by: 'ann', reason: undefined });
  expect((await nextScheduleInMs(db)) ?? 0).toBeGreaterThan(3_000_000);
});

test('a pause says who and why, and ends with a next tick', async () => {
  const db = await fresh();
  await add(db);
  const pause = () => pauseSchedule(db, 'order', { by: 'ben', reason: 'holiday' });
  expect([await pause(), await pause()]).toEqual([true, false]);
  expect(await listSchedules(db, 'order')).toMatchObject([
    { state: 'paused', paused_by: 'ben', pause_reason: 'holiday' },
  ]);
  const next_at = inSeconds(7);
  const resume = () => resumeSchedule(db, 'order', next_at);
  expect([await resume(), await resume()]).toEqual([true, false]);
  expect(await listSchedules(db, 'order')).toMatchObject([{ state: 'active', next_at, pause_reason: null }]);
});

test('one that failed is paused with its error, one without a next tick has ended', async () => {
  const db = await fresh();
  await add(db);
  const [{ schedule_id } = { schedule_id: 0 }] = await listSchedules(db);
  await advanceSchedules(db, [{ schedule_id, next_at: null, last_tick_at: inSeconds(0), task_ids: [] }]);
  expect(await listSchedules(db)).toMatchObject([{ state: 'ended' }]);
  await failSchedule(db, schedule_id, 'no such template');
  expect(await listSchedules(db)).toMatchObject([{ state: 'error', error: 'no such template' }]);
});

test('the latest ten tasks are remembered, the latest first', async () => {
  const world = await createdWorld(await fresh(), { a: [] });
  await add(world.db);
  const [{ schedule_id } = { schedule_id: 0 }] = await listSchedules(world.db);
  const gone = Array.from({ length: 12 }, (_, index) => -12 + index);
  await advanceSchedules(world.db, [{ schedule_id, next_at: null, last_tick_at: null, task_ids: gone }]);
  await noteScheduledTask(world.db, schedule_id, world.taskId);
  const [row] = await world.db.query(
    'select recent_task_ids::text[]::integer[] as ids from treadle.schedules',
  );
  expect(row).toEqual({ ids: [...gone.slice(3), world.taskId] });
  const tasks = await recentScheduledTasks(world.db, schedule_id);
  expect(tasks).toMatchObject([{ task_id: world.taskId, state: 'pending' }]);
});

/** A template of this name, and what it says of its schedules. */
async function put(
  db: Executor,
  name: string,
  version: string,
  schedules: readonly Partial<TemplateSchedule>[],
) {
  const template = templateOf({ a: [] }, { name, version });
  const id = await registerTemplate(db, template, template);
  const { namespace_name: _1, task_name: _2, version: _3, created_by: _4, ...defaults } = hourly;
  const rows = schedules.map((more) => ({ ...defaults, name: `test/${name}`, ...more }));
  await putTemplateSchedules(db, id, rows);
}

const rowsOf = (db: Executor) =>
  db.query<{ name: string }>(
    'select name, cron, next_at, paused_by, error from treadle.schedules order by name',
  );

test('what a template says again stays as it is, its next tick too', async () => {
  const db = await fresh();
  await put(db, 'report', '1.0.0', [{ next_at: inSeconds(-500) }]);
  const before = await rowsOf(db);
  await put(db, 'report', '1.0.0', [{ next_at: inSeconds(500) }]);
  expect(await rowsOf(db)).toEqual(before);
});

test('another cron expression brings another next tick, a pause stays', async () => {
  const db = await fresh();
  await put(db, 'report', '1.0.0', [{}]);
  await pauseSchedule(db, 'test/report', { by: 'ann', reason: undefined });
  const next_at = inSeconds(86_400);
  await put(db, 'report', '1.0.0', [{ cron: '@daily', next_at }]);
  expect(await rowsOf(db)).toEqual([
    { name: 'test/report', cron: '@daily', next_at, paused_by: 'ann', error: null },
  ]);
});

test('one that failed gets another chance when its template is registered again', async () => {
  const db = await fresh();
  await put(db, 'report', '1.0.0', [{}]);
  const [{ schedule_id } = { schedule_id: 0 }] = await listSchedules(db);
  await failSchedule(db, schedule_id, 'bad context');
  await put(db, 'report', '1.0.0', [{}]);
  expect(await listSchedules(db)).toMatchObject([{ state: 'active', paused_at: null }]);
});

test('what a template says no more is removed, what was added by hand stays', async () => {
  const db = await fresh();
  await put(db, 'report', '1.0.0', [{}, { name: 'test/report/noon' }]);
  await put(db, 'other', '1.0.0', [{}]);
  await add(db, { namespace_name: 'test', task_name: 'report' });
  await put(db, 'report', '1.0.0', [{ name: 'test/report/noon' }]);
  expect((await rowsOf(db)).map(({ name }) => name)).toEqual(['report', 'test/other', 'test/report/noon']);
});

test('the latest version of a template decides, whichever is registered last', async () => {
  const db = await fresh();
  await put(db, 'report', '1.9.0', [{}]);
  await put(db, 'report', '1.10.0', [{ cron: '@daily' }]);
  await put(db, 'report', '1.9.0', []);
  expect(await rowsOf(db)).toMatchObject([{ cron: '@daily' }]);
});

test('the database knows the same policies as the code', async () => {
  const db = await fresh();
  for (const missed of MISSED_POLICIES) await add(db, { missed });
  await expect(db.query(`update treadle.schedules set missed = 'never'`)).rejects.toThrow(
    /schedules_missed_check/,
  );
});
