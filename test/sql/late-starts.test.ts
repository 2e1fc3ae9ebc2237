// Claims whose in_progress row is not written yet: it comes with the outcome, when the step runs for longer, or when somebody
// takes the step away. Whatever happens in between, the trail is whole in the end.
import { expect, onTestFinished, test } from 'vitest';
import { cancelTasks, pause, resolveSteps, resume, retrySteps, retryTasks } from '../../sql/controls.ts';
import { completeStep } from '../../sql/outcomes.ts';
import { claimSteps, leaveWorker, takeBackLostSteps, writeStarts } from '../../sql/steps.ts';
import { expireTasks, settleChangedTasks, startTasks } from '../../sql/tasks.ts';
import {
  carryOut,
  claim,
  claimLate,
  completed,
  failed,
  handOver,
  idOf,
  moveClock,
  record,
  startedWorld,
  withOtherWorker,
  writeAsRails,
  type Answer,
  type World,
} from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { claimsOf, readySteps, stateOfTask, statesThrough, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();
const ann = { by: 'ann', reason: 'a test' };

const through = (world: World, step = 'a'): Promise<string[]> =>
  statesThrough(world.db, 'workflow_step', idOf(world, step));

const lastOf = async (world: World, step = 'a') =>
  (await trailOf(home.database, 'workflow_step', idOf(world, step))).at(-1)?.metadata;

/** Claims of this worker, as an engine knows them. */
const claimsIn = (world: World) =>
  home.database.query<{ claim_id: number; workflow_step_id: number; on_record: boolean }>(
    'select claim_id, workflow_step_id, on_record from treadle.claims where task_id = $1 order by 2',
    [world.taskId],
  );

const showLong = async (world: World): Promise<void> => writeStarts(world.db, await claimsIn(world));

/** A task of one step, which is claimed; its in_progress row is not written. */
async function claimedLate(shape: Readonly<Record<string, readonly string[]>> = { a: [] }): Promise<World> {
  const world = await startedWorld(home.database, shape);
  await claimLate(world);
  return world;
}

test('a late claim is on disk and leaves the trail alone', async () => {
  const world = await claimedLate();
  expect(await claimsIn(world)).toMatchObject([{ workflow_step_id: idOf(world, 'a'), on_record: false }]);
  expect([await through(world), await readySteps(world), await claim(world)]).toEqual([[], [], []]);
});

test('a step that is claimed late runs: its task is not decided', async () => {
  const world = await claimedLate();
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
  const [apart, together] = [await startedWorld(home.database, { a: [] }), await claimedLate()];
  await claim(apart);
  await record(apart, answer(apart));
  await record(together, answer(together));
  const rows = await comparable(apart);
  expect([rows.length, await comparable(together)]).toEqual([2, rows]);
});

test('a start that is written with the end is dated at the claim and says who ran it', async () => {
  const world = await claimedLate();
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
  const world = await claimedLate();
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
  const world = await claimedLate();
  expect(await railsSees(world)).toEqual([{ current_state: 'pending' }]);
  await showLong(world);
  expect(await railsSees(world)).toEqual([{ current_state: 'in_progress' }]);
  expect(await claimsIn(world)).toMatchObject([{ on_record: true }]);
  await record(world, completed(world, 'a'));
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('a start is written once, however often it is asked for', async () => {
  const world = await claimedLate();
  await showLong(world);
  await showLong(world);
  expect(await through(world)).toEqual(['in_progress']);
});

test('a start is written only for the claim that asks: not for the next one of the same step', async () => {
  const world = await claimedLate();
  const before = await claimsIn(world);
  await record(world, released(world));
  await home.database.query('delete from treadle.ready_steps where task_id = $1', [world.taskId]);
  await writeStarts(home.database, before);
  expect(await through(world)).toEqual(['in_progress', 'error']);
});

test('a retry is in progress at once: only first attempts start late', async () => {
  const world = await claimedLate();
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

test('a task that is cancelled within the window cancels a running step, and the outcome comes too late', async () => {
  const world = await claimedLate();
  const { results } = await cancelTasks(home.database, [world.taskId], ann);
  expect(results).toMatchObject([{ done: true, running_steps: 1 }]);
  expect(await through(world)).toEqual(['in_progress', 'cancelled']);
  expect(await lastOf(world)).toMatchObject({ event: 'cancel', by: 'ann', reason: 'a test' });
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
});

test('a running step is refused to an operator who resolves it, also within the window', async () => {
  const world = await claimedLate();
  const { results } = await resolveSteps(home.database, [idOf(world, 'a')], ann);
  expect(results).toMatchObject([{ done: false }]);
  expect(JSON.stringify(results)).toContain('in_progress');
  expect((await record(world, completed(world, 'a'))).refused).toEqual([]);
  expect(await through(world)).toEqual(['in_progress', 'complete']);
});

test('resolving by force within the window takes the step away as a failed attempt', async () => {
  const world = await claimedLate({ a: [], b: ['a'] });
  await resolveSteps(home.database, [idOf(world, 'a')], { ...ann, force: true });
  expect(await through(world)).toEqual(['in_progress', 'error', 'resolved_manually']);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 1 });
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
  expect(await readySteps(world)).toEqual(['b']);
});

test.each([
  ['step', (world: World) => retrySteps(home.database, [idOf(world, 'a')], ann)],
  ['task', (world: World) => retryTasks(home.database, [world.taskId], ann)],
])('retrying a %s within the window leaves the running step alone', async (_what, retry) => {
  const world = await claimedLate();
  await retry(world);
  expect([await through(world), await claimsOf(world)]).toEqual([['in_progress'], 1]);
  expect((await record(world, completed(world, 'a'))).refused).toEqual([]);
});

test('a deadline within the window ends the step with timed_out', async () => {
  const world = await claimedLate();
  await home.database.query(
    'insert into treadle.deadlines (task_id, deadline_at) values ($1, treadle.now())',
    [world.taskId],
  );
  await expireTasks(home.database, 100);
  expect(await through(world)).toEqual(['in_progress', 'error']);
  expect(await lastOf(world)).toMatchObject({
    code: 'timed_out',
    triggered_by: 'deadline',
    attempt_number: 1,
  });
  expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
});

test('a pause within the window lets the step end', async () => {
  const world = await claimedLate({ a: [], b: ['a'] });
  const subject = { scope: 'task', subject: String(world.taskId) } as const;
  await pause(home.database, subject, ann);
  expect((await handOver(world, {}, completed(world, 'a'))).claimed).toEqual([]);
  expect(await through(world)).toEqual(['in_progress', 'complete']);
  await resume(home.database, subject);
  expect(await claimLate(world)).toEqual(['b']);
});

test('a step of a worker that died within the window comes back with one attempt counted', async () => {
  const world = await claimedLate();
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  const { lost } = await takeBackLostSteps(home.database);
  expect(lost).toMatchObject([{ workflow_step_id: idOf(world, 'a'), attempt: 1 }]);
  expect(await through(world)).toEqual(['in_progress', 'error']);
  expect(await lastOf(world)).toMatchObject({ code: 'worker_lost', worker_id: world.worker.worker_id });
  const other = await withOtherWorker(world);
  expect(await carryOut(other, 'a')).toMatchObject({ refused_claim_ids: [] });
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 2 });
});

test('a worker that leaves within the window gives the step back without an attempt counted', async () => {
  const world = await claimedLate();
  expect(await leaveWorker(home.database, world.worker)).toMatchObject({ given_back: 1 });
  expect(await through(world)).toEqual(['in_progress', 'error']);
  expect(await lastOf(world)).toMatchObject({ code: 'released' });
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 0 });
  expect(await claim(await withOtherWorker(world))).toEqual(['a']);
});

test('a handler that completes its step in its own transaction writes both rows', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const [step] = await claimSteps(home.database, world.worker, [world.handler], 1, { lateStart: true });
  await completeStep(home.database, step?.claim_token ?? '', { n: 1 });
  expect([await through(world), await stateOfTask(home.database, world.taskId)]).toEqual([
    ['in_progress', 'complete'],
    'complete',
  ]);
});

test.each(['resolved_manually', 'error', 'cancelled', 'in_progress'])(
  'what a Rails app writes within the window wins: %s, and the outcome is refused',
  async (state) => {
    const world = await claimedLate();
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
    expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
    expect(await through(world)).toEqual([state]);
    expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({
      attempts: 0,
      processed: false,
    });
  },
);

test.each(['resolved_manually', 'error', 'cancelled', 'in_progress'])(
  'no start is written over what a Rails app wrote within the window: %s',
  async (state) => {
    const world = await claimedLate();
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
    await showLong(world);
    expect((await record(world, completed(world, 'a'))).refused).toEqual([idOf(world, 'a')]);
    expect(await through(world)).toEqual([state]);
  },
);

test.each(['resolved_manually', 'cancelled', 'in_progress'])(
  'a claim whose step a Rails app moved within the window is void once that was noticed: %s',
  async (state) => {
    const world = await claimedLate({ a: [], b: [] });
    await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), state);
    await settleChangedTasks(home.database, 100);
    expect((await claimsIn(world)).map((row) => row.workflow_step_id)).toEqual([idOf(world, 'b')]);
  },
);

test('a task that a Rails app cancels within the window cancels the running step', async () => {
  const world = await claimedLate();
  await writeAsRails(home.database, 'task', world.taskId, 'cancelled');
  await settleChangedTasks(home.database, 100);
  expect([await through(world), await claimsOf(world)]).toEqual([['in_progress', 'cancelled'], 0]);
  expect(await violations(home.database)).toEqual([]);
});

test('a step that a Rails app has started and Treadle claims late is left to the app', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'in_progress');
  expect(await claimLate(world)).toEqual(['b']);
});

test('a late step is explained as running, since its claim', async () => {
  const world = await claimedLate();
  const [row] = await home.database.query<{ why: string }>('select treadle.explain_step($1) as why', [
    idOf(world, 'a'),
  ]);
  expect(row?.why).toMatch(/^running on worker worker_\S+ since \d\d:\d\d:\d\d UTC, attempt 1$/);
});

test('a report says since when a late step runs', async () => {
  const world = await claimedLate();
  const rows = await home.database.query(
    'select verdict, started_at is not null as started from treadle.task_report_steps($1)',
    [world.taskId],
  );
  expect(rows).toEqual([{ verdict: 'running', started: true }]);
});

test('the sweep finds nothing wrong with late claims', async () => {
  const world = await claimedLate({ a: [], b: [], c: ['a', 'b'] });
  const troubles = await home.database.query(`select * from treadle.task_troubles($1, interval '0')`, [
    [world.taskId],
  ]);
  expect(troubles).toEqual([]);
});
