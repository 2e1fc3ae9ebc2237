// How ticks become tasks: at their time by the clock of Postgres, once, whoever looks; and what goes wrong stays with the
// schedule that it is about.
import fc from 'fast-check';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { countStatements } from '../../bench/statements.ts';
import { InMemoryQueue } from '../../engine/queue/in-memory.ts';
import { Scheduler } from '../../engine/schedules/scheduler.ts';
import { Schedules, type ScheduleRequest } from '../../engine/schedules/schedules.ts';
import { TaskCreator } from '../../engine/task-requests.ts';
import { Templates } from '../../engine/templates.ts';
import type { Database } from '../../sql/database.ts';
import { eventually } from '../support/engines.ts';
import { moveClock, templateOf } from '../support/factories.ts';
import { createTestDatabase } from '../support/postgres.ts';

interface Place {
  readonly database: Database;
  readonly templates: Templates;
  readonly tasks: TaskCreator;
  readonly schedules: Schedules;
}

const template = templateOf({ print: [] }, { name: 'report' });
const hourly: ScheduleRequest = {
  namespace_name: 'test',
  task_name: 'report',
  cron: '@hourly',
  context: { a: 1 },
};

/** A database of its own with a template in it, and no engine. */
async function place(): Promise<Place> {
  const { database, drop } = await createTestDatabase();
  onTestFinished(drop);
  const templates = new Templates(database, 'test');
  await templates.register([template]);
  const tasks = new TaskCreator({ database, templates, queue: new InMemoryQueue(), onWakeups: () => {} });
  return { database, templates, tasks, schedules: new Schedules({ database, templates, tasks }) };
}

const silent = pino({ level: 'silent' });

function schedulerAt({ database, tasks }: Place, log = silent): Scheduler {
  const scheduler = new Scheduler({ database, tasks, log, onCreated: () => {} });
  onTestFinished(() => scheduler.stop());
  return scheduler;
}

/** The ticks for which there are tasks, in the order in which these were created. */
async function ticksOf({ database }: Pick<Place, 'database'>): Promise<string[]> {
  const rows = await database.query<{ tick: string }>(
    `select split_part(identity_hash, ':', 2) || ' ' || to_char(requested_at, 'YYYY-MM-DD HH24:MI:SS') as tick
     from public.tasker_tasks
     where identity_hash like 'schedule:%'
     order by task_id`,
  );
  return rows.map(({ tick }) => tick);
}

/** Looks once, and until that is over. */
async function lookAt(at: Place, log = silent): Promise<void> {
  const scheduler = new Scheduler({ database: at.database, tasks: at.tasks, log, onCreated: () => {} });
  scheduler.look();
  await scheduler.stop();
}

async function now({ database }: Place): Promise<Date> {
  const [row] = await database.query<{ now: Date }>('select treadle.now() as now');
  return row?.now ?? new Date(0);
}

/** To some seconds after the next tick of this schedule. */
async function passTick(at: Place, name: string, seconds = 5): Promise<void> {
  const { next_at } = await at.schedules.find(name);
  await moveClock(at.database, ((next_at?.getTime() ?? 0) - (await now(at)).getTime()) / 1000 + seconds);
}

test('a due tick becomes a task that says so, and the schedule goes on', async () => {
  const at = await place();
  const { name, schedule_id, next_at } = await at.schedules.add({
    ...hourly,
    tags: ['mine'],
    reason: 'to test',
  });
  await passTick(at, name);
  await lookAt(at);
  const tick = next_at?.toISOString();
  const tags = ['mine', `schedule:${name}`, `scheduled_for:${tick}`];
  expect(
    await at.database.query('select tags, reason, initiator, context, identity_hash from tasker_tasks'),
  ).toEqual([
    {
      tags,
      reason: 'to test',
      initiator: 'schedule',
      context: { a: 1 },
      identity_hash: `schedule:${schedule_id}:${tick}`,
    },
  ]);
  const shown = await at.schedules.show(name);
  expect(shown).toMatchObject({
    last_tick_at: next_at,
    recent_tasks: [{ state: 'pending', requested_at: next_at }],
  });
  expect(shown.next_ticks.map((next) => (next.getTime() - (next_at?.getTime() ?? 0)) / 3_600_000)).toEqual([
    1, 2, 3, 4, 5,
  ]);
});

test('nothing comes before its time, by the clock of Postgres', async () => {
  const at = await place();
  await at.schedules.add(hourly);
  await lookAt(at);
  expect(await ticksOf(at)).toEqual([]);
});

test.each([
  ['skip', 0],
  ['once', 1],
  ['backfill', 3],
] as const)('of ticks that were missed %s makes %i tasks', async (missed, tasks) => {
  const at = await place();
  const { name } = await at.schedules.add({ ...hourly, missed, backfill_limit: 3 });
  await passTick(at, name, 5 * 3600 + 600);
  await lookAt(at);
  await lookAt(at);
  const ticks = await ticksOf(at);
  expect([ticks.length, ticks]).toEqual([tasks, ticks.toSorted()]);
  const { next_at } = await at.schedules.find(name);
  expect(next_at?.getTime()).toBeGreaterThan((await now(at)).getTime());
});

test('a paused schedule makes no task, and what came due meanwhile is not made up for', async () => {
  const at = await place();
  const { name } = await at.schedules.add({ ...hourly, missed: 'backfill' });
  await at.schedules.pause(name);
  await passTick(at, name);
  await lookAt(at);
  await at.schedules.resume(name);
  await lookAt(at);
  expect(await ticksOf(at)).toEqual([]);
});

test('a schedule without its template is paused with the reason, said once, and stops no other', async () => {
  const at = await place();
  const gone = templateOf({ print: [] }, { name: 'gone' });
  await at.templates.register([gone]);
  await at.schedules.add({ ...hourly, task_name: 'gone' });
  const { name } = await at.schedules.add(hourly);
  await at.database.query(`update tasker_named_tasks set name = 'away' where name = 'gone'`);
  await passTick(at, name);
  const warnings: unknown[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(JSON.parse(line)) });
  await lookAt(at, log);
  await lookAt(at, log);
  expect(await ticksOf(at)).toHaveLength(1);
  const error = 'no template is registered for test/gone';
  expect(warnings).toMatchObject([{ schedule: 'gone', error }]);
  expect(await at.schedules.find('gone')).toMatchObject({ state: 'error', error });
});

test('a context that fits no more pauses its schedule; registered with one that fits it goes on', async () => {
  const at = await place();
  const { name } = await at.schedules.add(hourly);
  await new Templates(at.database, 'test').register([{ ...template, schema: { required: ['b'] } }]);
  await passTick(at, name);
  const templates = new Templates(at.database, 'test');
  const tasks = new TaskCreator({ ...at, templates, queue: new InMemoryQueue(), onWakeups: () => {} });
  await lookAt({ ...at, tasks });
  expect(await at.schedules.find(name)).toMatchObject({
    state: 'error',
    error: 'task report: context.b: expected a value, came nothing',
  });
  await at.schedules.resume(name);
  expect(await at.schedules.find(name)).toMatchObject({ state: 'active', error: null });
});

test.each([
  [{ timezone: 'Paris' }, 'invalid_argument', /timezone: expected an IANA time zone .*, came "Paris"$/],
  [{ context: {} }, 'invalid_context', /context: expected a JSON object with at least one key/],
  [{ task_name: 'repor' }, 'unknown_template', /test\/repor/],
  [
    { bypass_steps: ['print'] },
    'invalid_argument',
    /bypass_steps: expected skippable steps of .*, came "print"$/,
  ],
  [
    { ends_at: '2001-01-01T00:00:00Z' },
    'invalid_argument',
    /expected a tick of "@hourly" between now and ends_at/,
  ],
  [{ starts_at: 'soon' }, 'invalid_argument', /starts_at: expected an instant such as .*, came "soon"$/],
  [{ every: '5m' }, 'invalid_argument', /every: expected a known key/],
])('a schedule with %j is refused in one line', async (wrong, code, words) => {
  const at = await place();
  const refused = at.schedules.add({ ...hourly, ...wrong });
  await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
  expect(await at.schedules.list()).toEqual([]);
});

test('a transaction that does not commit leaves neither task nor progress', async () => {
  const at = await place();
  const { name } = await at.schedules.add(hourly);
  await passTick(at, name);
  const breaking = `create function public.refuse() returns trigger language plpgsql as
    $$ begin raise exception 'not now' using errcode = '40001'; end $$`;
  await at.database.query(breaking);
  await at.database.query(
    'create trigger t before insert on treadle.wakeups execute function public.refuse()',
  );
  await lookAt(at);
  expect([await ticksOf(at), await at.schedules.find(name)]).toMatchObject([
    [],
    { state: 'active', last_tick_at: null },
  ]);
  await at.database.query('drop trigger t on treadle.wakeups');
  await lookAt(at);
  expect(await ticksOf(at)).toHaveLength(1);
});

test('a tick that a round has heard of is taken when it comes, and the next is awaited', async () => {
  const at = await place();
  await at.schedules.add({ ...hourly, cron: '* * * * * *' });
  schedulerAt(at).expect(1000);
  const ticks = await eventually(
    () => ticksOf(at),
    ({ length }) => length >= 3,
  );
  const seconds = ticks.map((tick) => Date.parse(`${tick.split(' ').slice(1).join('T')}Z`) / 1000);
  const first = seconds[0] ?? 0;
  expect(seconds.slice(0, 3)).toEqual([first, first + 1, first + 2]);
});

test('where there are no schedules one look is one look', async () => {
  const at = await place();
  const counter = countStatements();
  onTestFinished(counter.stop);
  await lookAt(at);
  expect(counter.counts).toMatchObject({ 'treadle.due_schedules': 1, 'treadle.next_schedule_in_ms': 1 });
});

test('fifty-one schedules that are due at once all come', async () => {
  const at = await place();
  for (let n = 0; n < 51; n += 1) await at.schedules.add(hourly);
  await passTick(at, 'report');
  schedulerAt(at).look();
  await eventually(
    () => ticksOf(at),
    ({ length }) => length === 51,
  );
});

test('any number of schedulers that look at any time take each tick once', async () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 3 })), {
    maxLength: 5,
  });
  const crons = fc.array(fc.constantFrom('*/7 * * * * *', '*/20 * * * * *', '* * * * *'), {
    minLength: 1,
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(crons, steps, async (written, turns) => {
      const at = await place();
      const firsts = [];
      for (const cron of written) firsts.push(await at.schedules.add({ ...hourly, cron }));
      for (const [seconds, lookers] of turns) {
        await moveClock(at.database, seconds);
        await Promise.all(Array.from({ length: lookers }, () => lookAt(at)));
      }
      await lookAt(at);
      const expected = await Promise.all(
        firsts.map(async ({ name }) => (await at.schedules.find(name)).next_at),
      );
      const ticks = await ticksOf(at);
      const all = firsts.flatMap((first, index) => {
        const [from, to] = [first.next_at?.getTime() ?? 0, expected[index]?.getTime() ?? 0];
        const step = first.cron === '* * * * *' ? 60 : Number(/\d+/.exec(first.cron)?.[0]);
        return everyTick(first.schedule_id, from, to, step);
      });
      expect(ticks.toSorted()).toEqual(all.toSorted());
    }),
    { numRuns: 8 },
  );
}, 60_000);

/** Seconds of the minute that the step divides, from the first tick to before the next. */
function everyTick(id: number, from: number, to: number, step: number): string[] {
  const ticks: string[] = [];
  for (let ms = from; ms < to; ms += 1000) {
    const instant = new Date(ms);
    const due = step === 60 ? instant.getUTCSeconds() === 0 : instant.getUTCSeconds() % step === 0;
    if (due) ticks.push(`${id} ${instant.toISOString().slice(0, 19).replace('T', ' ')}`);
  }
  return ticks;
}
