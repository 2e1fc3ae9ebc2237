// The one question of a round: what it says of each thing that there may be to do, and that it does nothing but the heartbeat.
import { expect, onTestFinished, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { lookAround, type Round, type RoundOptions } from '../../sql/rounds.ts';
import { registerWorker } from '../../sql/steps.ts';
import { takeWakeups } from '../../sql/tasks.ts';
import {
  claim,
  createdWorld,
  idOf,
  moveClock,
  newWorker,
  startedWorld,
  writeAsRails,
} from '../support/factories.ts';
import type { World } from '../support/factories.ts';
import { createTestDatabase } from '../support/postgres.ts';

const NOTHING: Round = {
  alive: true,
  lost_claim_ids: [],
  deaths: false,
  ready: false,
  changed: false,
  unhanded: false,
  late: false,
  overdue: false,
  next_wakeup_in_ms: null,
  next_deadline_in_ms: null,
  next_schedule_in_ms: null,
};

/** A database of its own: what one test leaves to do is not there for the next. */
async function fresh(): Promise<Executor> {
  const { database, drop } = await createTestDatabase();
  onTestFinished(drop);
  return database;
}

function look({ db, worker, handler }: World, options: Partial<RoundOptions> = {}): Promise<Round> {
  const asked = { leaseSeconds: 60, claimIds: [], handlers: [handler], lateSeconds: 30 };
  return lookAround(db, worker, { ...asked, ...options });
}

async function claimIdsOf(world: World): Promise<number[]> {
  const rows = await world.db.query<{ claim_id: number }>('select claim_id from treadle.claims order by 1');
  return rows.map(({ claim_id }) => claim_id);
}

test('where there is nothing to do it says so, and the lease is renewed', async () => {
  const db = await fresh();
  const worker = await newWorker(db, ['nobody'], 1);
  await moveClock(db, 100);
  expect(await look({ db, worker, handler: 'nobody' } as World)).toEqual(NOTHING);
  const left = await db.query('select from treadle.workers where expires_at > treadle.now()');
  expect(left).toHaveLength(1);
});

test('a worker that was declared dead hears that it is', async () => {
  const world = await startedWorld(await fresh(), { a: [] });
  await world.db.query('delete from treadle.workers');
  expect(await look(world)).toMatchObject({ alive: false });
});

test('steps are ready for their handlers only, and not while they are held', async () => {
  const world = await startedWorld(await fresh(), { a: [] });
  expect(await look(world)).toMatchObject({ ready: true });
  expect(await look(world, { handlers: ['other'] })).toMatchObject({ ready: false });
  expect(await look(world, { handlers: null })).toMatchObject({ ready: false });
  await world.db.query('update treadle.ready_steps set held = true');
  expect(await look(world)).toMatchObject({ ready: false });
});

test('of the claims that a worker believes to hold it hears of those that are gone', async () => {
  const world = await startedWorld(await fresh(), { a: [], b: [] });
  await claim(world);
  const believed = await claimIdsOf(world);
  expect(await look(world, { claimIds: believed })).toMatchObject({ lost_claim_ids: [] });
  await world.db.query('delete from treadle.claims where workflow_step_id = $1', [idOf(world, 'a')]);
  const gone = believed.filter((id) => id !== believed.at(-1));
  expect(await look(world, { claimIds: believed })).toMatchObject({ lost_claim_ids: gone });
});

test('a lease that has ended is a death, and so are claims that somebody left behind', async () => {
  const world = await startedWorld(await fresh(), { a: [] });
  const other = await newWorker(world.db, [world.handler], 1);
  expect(await look(world)).toMatchObject({ deaths: false });
  await moveClock(world.db, 5);
  expect(await look(world)).toMatchObject({ deaths: true });
  await world.db.query('delete from treadle.workers where worker_id = $1', [other.worker_id]);
  expect(await look(world)).toMatchObject({ deaths: false });
  await claim(world);
  await world.db.query('update treadle.claims set epoch = epoch + 1');
  expect(await look(world)).toMatchObject({ deaths: true });
});

test('a task that another hand has written to is said to have changed', async () => {
  const world = await startedWorld(await fresh(), { a: [] });
  expect(await look(world)).toMatchObject({ changed: false });
  await writeAsRails(world.db, 'workflow_step', idOf(world, 'a'), 'cancelled');
  expect(await look(world)).toMatchObject({ changed: true });
});

test('a wake-up is unhanded, then on its way, then overdue, then late', async () => {
  const run_at = new Date(Date.now() + 60_000).toISOString();
  const world = await createdWorld(await fresh(), { a: [] }, { request: { run_at } });
  await world.db.query('update treadle.wakeups set handed_at = null');
  expect(await look(world)).toMatchObject({ unhanded: true, next_wakeup_in_ms: null });
  await takeWakeups(world.db, 10);
  const handed = await look(world);
  expect(handed).toMatchObject({ unhanded: false, overdue: false, late: false });
  expect(handed.next_wakeup_in_ms).toBeGreaterThan(30_000);
  expect(handed.next_wakeup_in_ms).toBeLessThanOrEqual(60_000);
  await moveClock(world.db, 61);
  expect(await look(world)).toMatchObject({ overdue: true, late: false, next_wakeup_in_ms: null });
  await moveClock(world.db, 30);
  expect(await look(world)).toMatchObject({ overdue: true, late: true });
});

test('the next wake-up is the earliest that is not due, whatever else is', async () => {
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const world = await createdWorld(await fresh(), { a: [] }, { request: { run_at: at(3600) } });
  for (const [task_id, seconds] of [
    [-1, -5],
    [-2, 500],
    [-3, 900],
  ] as const) {
    await world.db.query(`insert into treadle.wakeups values ($1, $2, 'retry_due', treadle.now())`, [
      task_id,
      at(seconds),
    ]);
  }
  const { overdue, next_wakeup_in_ms } = await look(world);
  expect([overdue, Math.round((next_wakeup_in_ms ?? 0) / 100_000)]).toEqual([true, 5]);
});

test('the earliest deadline is said, also when it has passed', async () => {
  const world = await createdWorld(await fresh(), { a: [] }, { request: { deadline_seconds: 60 } });
  expect((await look(world)).next_deadline_in_ms).toBeGreaterThan(30_000);
  await moveClock(world.db, 61);
  expect((await look(world)).next_deadline_in_ms).toBeLessThanOrEqual(0);
});

test('looking changes nothing but the heartbeat', async () => {
  const world = await startedWorld(await fresh(), { a: [], b: ['a'] }, { request: { deadline_seconds: 1 } });
  await registerWorker(world.db, { name: 'gone', handlers: [], capacity: 1, leaseSeconds: 0.001 });
  await claim(world);
  await moveClock(world.db, 100);
  const rows = () =>
    world.db.query(
      `select (select jsonb_agg(c) from treadle.claims c) as claims, (select jsonb_agg(w) from treadle.wakeups w) as wakeups,
         (select jsonb_agg(t order by id) from tasker_workflow_step_transitions t) as steps,
         (select jsonb_agg(d) from treadle.deadlines d) as deadlines,
         (select jsonb_agg(w.worker_id order by w.worker_id) from treadle.workers w) as workers`,
    );
  const before = await rows();
  await look(world);
  expect(await rows()).toEqual(before);
});
