// Claims whose in_progress row is not written yet: it comes with the outcome, or when the step runs for longer. The trail is
// whole in the end. Others who reach into that window: late-starts-others.test.ts.
import { expect, onTestFinished, test } from 'vitest';
import { writeStarts } from '../../sql/steps.ts';
import { startTasks } from '../../sql/tasks.ts';
import {
  claim,
  claimLate,
  completed,
  failed,
  idOf,
  moveClock,
  record,
  startedWorld,
  type Answer,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { claimedLate, claimsIn, showLong, through } from '../support/late-claims.ts';
import { testDatabase } from '../support/postgres.ts';
import { readySteps, stateOfTask, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();

test('a late claim is on disk and leaves the trail alone', async () => {
  const world = await claimedLate(home.database);
  expect(await claimsIn(world)).toMatchObject([{ workflow_step_id: idOf(world, 'a'), on_record: false }]);
  expect([await through(world), await readySteps(world), await claim(world)]).toEqual([[], [], []]);
});

test('a step that is claimed late runs: its task is not decided', async () => {
  const world = await claimedLate(home.database);
  const [row] = await home.database.query(
    'select verdict, state from treadle.step_verdicts($1, treadle.utc_now())',
    [[idOf(world, 'a')]],
  );
  expect(row).toEqual({ verdict: 'running', state: 'pending' });
  const again = await startTasks(home.database, [world.taskId]);
  expect([again.finalized, again.ready_handlers, await readySteps(world)]).toEqual([[], [], []]);
});

/** The trail without what differs by nature: who, which claim, when. */
async function comparable(world: World) {
  return home.database.query(
    `select from_state, to_state, sort_key, most_recent, created_at <= updated_at as dated,
       metadata - array['claim_id', 'worker_id', 'execution_duration', 'backoff_until'] as metadata,
       array(select jsonb_object_keys(metadata) order by 1) as keys
     from public.tasker_workflow_step_transitions
     where workflow_step_id = $1
     order by id`,
    [idOf(world, 'a')],
  );
}

/** The step is given back. */
function released(world: World): Answer {
  return { ...failed(world, 'a', 0), event: 'release', metadata: { code: 'released' } };
}

test.each<[string, (world: World) => Answer]>([
  ['completes', (world) => completed(world, 'a')],
  ['fails and comes again', (world) => failed(world, 'a', 0)],
  ['fails for good', (world) => failed(world, 'a', null)],
  ['is given back', released],
])('when a step %s, both rows at once are those that come apart', async (_what, answer) => {
  const [apart, together] = [await startedWorld(home.database, { a: [] }), await claimedLate(home.database)];
  await claim(apart);
  await record(apart, answer(apart));
  await record(together, answer(together));
  const rows = await comparable(apart);
  expect([rows.length, await comparable(together)]).toEqual([2, rows]);
});

test('a start that is written with the end is dated at the claim and says who ran it', async () => {
  const world = await claimedLate(home.database);
  const [claimed] = await home.database.query<{ at: Date }>(
    `select claimed_at at time zone 'UTC' as at from treadle.claims where task_id = $1`,
    [world.taskId],
  );
  await moveClock(home.database, 5);
  onTestFinished(() => moveClock(home.database, -5));
  await record(world, completed(world, 'a'));
  const [start, end] = await home.database.query<{ created_at: Date; metadata: Record<string, unknown> }>(
    'select created_at, metadata from tasker_workflow_step_transitions where workflow_step_id = $1 order by id',
    [idOf(world, 'a')],
  );
  expect(start?.created_at).toEqual(claimed?.at);
  const { worker_id } = world.worker;
  expect(start?.metadata).toEqual({ event: 'start', attempt_number: 1, worker_id, triggered_by: 'treadle' });
  expect(end?.metadata['execution_duration']).toBeGreaterThanOrEqual(5);
});

test('both rows are there for Rails: it sees one most recent row, and the columns of a completed step', async () => {
  const world = await claimedLate(home.database);
  await record(world, completed(world, 'a'));
  const trail = await trailOf(home.database, 'workflow_step', idOf(world, 'a'));
  expect(trail.map(({ most_recent }) => most_recent)).toEqual([false, true]);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ processed: true, attempts: 1 });
  expect([await stateOfTask(home.database, world.taskId), await violations(home.database)]).toEqual([
    'complete',
    [],
  ]);
});

const railsSees = (world: World) =>
  home.database.query('select current_state from get_step_readiness_status($1) order by workflow_step_id', [
    world.taskId,
  ]);

test('Rails sees a long step pending, and in progress once its start is written', async () => {
  const world = await claimedLate(home.database);
  expect(await railsSees(world)).toEqual([{ current_state: 'pending' }]);
  await showLong(world);
  expect(await railsSees(world)).toEqual([{ current_state: 'in_progress' }]);
  expect(await claimsIn(world)).toMatchObject([{ on_record: true }]);
  await record(world, completed(world, 'a'));
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('a start is written once, however often it is asked for', async () => {
  const world = await claimedLate(home.database);
  await showLong(world);
  await showLong(world);
  expect(await through(world)).toEqual(['in_progress']);
});

test('a start is written only for the claim that asks: not for the next one of the same step', async () => {
  const world = await claimedLate(home.database);
  const before = await claimsIn(world);
  await record(world, released(world));
  await home.database.query('delete from treadle.ready_steps where task_id = $1', [world.taskId]);
  await writeStarts(home.database, before);
  expect(await through(world)).toEqual(['in_progress', 'error']);
});

test('a retry is in progress at once: only first attempts start late', async () => {
  const world = await claimedLate(home.database);
  await record(world, failed(world, 'a', 0));
  await claimLate(world);
  expect(await through(world)).toEqual(['in_progress', 'error', 'pending', 'in_progress']);
  expect(await claimsIn(world)).toMatchObject([{ on_record: true }]);
});

test('one batch mixes steps whose start is written with those whose start is not', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: [] });
  await claim(world, 1);
  await claimLate(world);
  await record(world, completed(world, 'a'), completed(world, 'b'), failed(world, 'c', null));
  expect(await through(world, 'a')).toEqual(['in_progress', 'complete']);
  expect(await through(world, 'b')).toEqual(['in_progress', 'complete']);
  expect([await through(world, 'c'), await violations(home.database)]).toEqual([
    ['in_progress', 'error'],
    [],
  ]);
});

test('a late step is explained as running, since its claim', async () => {
  const world = await claimedLate(home.database);
  const [row] = await home.database.query<{ why: string }>('select treadle.explain_step($1) as why', [
    idOf(world, 'a'),
  ]);
  expect(row?.why).toMatch(/^running on worker worker_\S+ since \d\d:\d\d:\d\d UTC, attempt 1$/);
});

test('a report says since when a late step runs', async () => {
  const world = await claimedLate(home.database);
  const rows = await home.database.query(
    'select verdict, started_at is not null as started from treadle.task_report_steps($1)',
    [world.taskId],
  );
  expect(rows).toEqual([{ verdict: 'running', started: true }]);
});

test('the sweep finds nothing wrong with late claims', async () => {
  const world = await claimedLate(home.database, { a: [], b: [], c: ['a', 'b'] });
  const troubles = await home.database.query(`select * from treadle.task_troubles($1, interval '0')`, [
    [world.taskId],
  ]);
  expect(troubles).toEqual([]);
});
