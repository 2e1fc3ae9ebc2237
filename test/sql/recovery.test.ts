// What the database knows of the life and death of workers: who is absent, what is taken back from the dead, what is given
// back by those who leave, and what became of answers that were lost.
import { expect, onTestFinished, test } from 'vitest';
import { ClientExecutor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import { recordedOutcomes, recordOutcomes, type OutcomeRow } from '../../sql/outcomes.ts';
import {
  claimSteps,
  heartbeat,
  holdWorkerLock,
  leaveWorker,
  registerWorker,
  takeBackLostSteps,
  undeliveredSteps,
  watchWorkers,
  type WorkerIdentity,
} from '../../sql/steps.ts';
import {
  claim,
  idOf,
  moveClock,
  newWorker,
  startedWorld,
  uniqueName,
  type World,
} from '../support/factories.ts';
import { eventually } from '../support/engines.ts';
import { createTestDatabase, testDatabase } from '../support/postgres.ts';
import { stateOfTask, statesOfSteps, statesThrough, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();

/** A session of its own that holds the lock of this worker's life. Returns the way to end it. */
async function aliveSession(worker: WorkerIdentity): Promise<() => Promise<void>> {
  const client = home.database.dedicatedClient('treadle test life');
  client.on('error', () => {});
  await client.connect();
  let ended = false;
  const end = async () => {
    if (!ended) await client.end();
    ended = true;
  };
  onTestFinished(end);
  expect(await holdWorkerLock(new ClientExecutor(client), worker)).toBe(true);
  return end;
}

async function claimedOne(world: World): Promise<ClaimedStep> {
  const [step] = await claimSteps(world.db, world.worker, [world.handler], 1);
  if (!step) throw new Error('a step was to be claimed');
  return step;
}

function outcome({ claim_id, workflow_step_id, step_name }: ClaimedStep): OutcomeRow {
  return {
    claim_id,
    workflow_step_id,
    step_name,
    event: 'complete',
    results: '{"n": 1}',
    metadata: {},
    delay_ms: null,
  };
}

async function isAbsent(worker: WorkerIdentity): Promise<boolean> {
  return (await watchWorkers(home.database, 0, false)).absent.includes(worker.worker_id);
}

test('a worker that holds the lock of its life is not absent; when its session ends it is', async () => {
  const worker = await newWorker(home.database, []);
  expect(await isAbsent(worker)).toBe(false); // it never had the lock: only its lease tells
  const end = await aliveSession(worker);
  expect(await isAbsent(worker)).toBe(false);
  await end();
  await eventually(
    () => isAbsent(worker),
    (absent) => absent,
  );
});

test('a new session takes the lock from an older one of the same worker, which is ended', async () => {
  const worker = await newWorker(home.database, []);
  await aliveSession(worker);
  const client = home.database.dedicatedClient('treadle test life');
  await client.connect();
  onTestFinished(() => client.end());
  await eventually(
    () => holdWorkerLock(new ClientExecutor(client), worker),
    (held) => held,
  );
  expect(await isAbsent(worker)).toBe(false);
});

test('a worker whose lock is held is not taken for dead, whoever says so', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await aliveSession(world.worker);
  await claim(world);
  const { lost } = await takeBackLostSteps(home.database, [world.worker.worker_id]);
  expect([lost, await statesOfSteps(home.database, world.taskId)]).toEqual([[], { a: 'in_progress' }]);
});

test('a worker without the lock is not taken for dead before its lease ends', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  expect((await takeBackLostSteps(home.database, [world.worker.worker_id])).lost).toEqual([]);
});

test('the steps of an absent worker are ready again in the same transaction', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const end = await aliveSession(world.worker);
  await claim(world);
  await end();
  const back = await eventually(
    () => takeBackLostSteps(home.database, [world.worker.worker_id]),
    ({ lost }) => lost.length > 0,
  );
  const step = { task_id: world.taskId, workflow_step_id: idOf(world, 'a'), step_name: 'a', attempt: 1 };
  expect(back).toMatchObject({ lost: [step], ready_handlers: [world.handler], finalized: [] });
  expect(await claim({ ...world, worker: await newWorker(home.database, [world.handler]) })).toEqual(['a']);
  expect(await statesThrough(home.database, 'task', world.taskId)).toEqual(['in_progress']);
});

/** The worker dies with the step in its hands, and another one claims it as soon as it may. Returns the wait in ms. */
async function die(world: World): Promise<{ world: World; waitMs: number }> {
  await claim(world);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  await takeBackLostSteps(home.database);
  const trail = await trailOf(home.database, 'workflow_step', idOf(world, 'a'));
  const waitMs = 1000 * Number(trail.at(-1)?.metadata['backoff_seconds'] ?? -1);
  if (waitMs > 0) {
    await moveClock(home.database, waitMs / 1000);
    await home.database.query('select treadle.start_tasks(array[$1::bigint])', [world.taskId]);
  }
  return { world: { ...world, worker: await newWorker(home.database, [world.handler], 1e6) }, waitMs };
}

test('a step that kills its workers waits longer each time and ends as failed, with its task', async () => {
  let world = await startedWorld(home.database, { a: [] }, { each: { default_retry_limit: 4 } });
  const waits: number[] = [];
  for (let death = 0; death < 4; death += 1) {
    const died = await die(world);
    world = died.world;
    waits.push(died.waitMs);
  }
  expect(waits).toEqual([0, 1000, 2000, -1000]); // the last one had no attempt left
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ attempts: 4 });
  expect(await stateOfTask(home.database, world.taskId)).toBe('error');
});

test('a task that fails because its worker died is in the answer', async () => {
  const world = await startedWorld(home.database, { a: [] }, { each: { default_retry_limit: 1 } });
  await claim(world);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  const { finalized } = await takeBackLostSteps(home.database);
  expect(finalized).toEqual([{ task_id: world.taskId, event: 'fail', to_state: 'error' }]);
});

test('a worker that was declared dead comes back under its id and a higher epoch', async () => {
  const worker = await newWorker(home.database, ['here']);
  await home.database.query('delete from treadle.workers where worker_id = $1', [worker.worker_id]);
  expect(await heartbeat(home.database, worker, 60)).toBe(false);
  const registration = { name: uniqueName('worker'), handlers: ['here'], capacity: 1, leaseSeconds: 60 };
  const back = await registerWorker(home.database, registration, worker);
  expect(back).toEqual({ worker_id: worker.worker_id, epoch: worker.epoch + 1 });
  expect([await heartbeat(home.database, worker, 60), await heartbeat(home.database, back, 60)]).toEqual([
    false,
    true,
  ]);
});

test('coming back twice, as when the first answer was lost, raises the epoch again', async () => {
  const worker = await newWorker(home.database, []);
  const registration = { name: uniqueName('worker'), handlers: [], capacity: 1, leaseSeconds: 60 };
  await registerWorker(home.database, registration, worker);
  expect(await registerWorker(home.database, registration, worker)).toMatchObject({ epoch: 3 });
});

test('what was claimed without an answer is delivered when the worker asks', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const known = await claimedOne(world);
  await claim(world); // nobody hears of it
  const steps = await undeliveredSteps(home.database, world.worker, [known.claim_id]);
  const names = steps.map((step) => step.step_name);
  expect([known.step_name, ...names].toSorted((a, b) => a.localeCompare(b))).toEqual(['a', 'b']);
});

test('what is undelivered is told only after claims that are under way', async () => {
  const world = await startedWorld(home.database, { a: [] });
  let asked: Promise<ClaimedStep[]> = Promise.resolve([]);
  await home.database.transaction(async (tx) => {
    await claimSteps(tx, world.worker, [world.handler], 1);
    asked = undeliveredSteps(home.database, world.worker, []);
    const waiting = `select from pg_locks where locktype = 'advisory' and not granted and classid = 1953653858`;
    await eventually(
      () => home.database.query(waiting),
      (rows) => rows.length === 1,
    );
  });
  expect((await asked).map((step) => step.step_name)).toEqual(['a']);
});

test('a worker that claims while it is declared dead is fenced, and leaves no claim behind', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await moveClock(home.database, 3600);
  let claimed: Promise<unknown> = Promise.resolve();
  await home.database.transaction(async (tx) => {
    await takeBackLostSteps(tx);
    claimed = claimSteps(home.database, world.worker, [world.handler], 1).catch((error: unknown) => error);
    await eventually(
      () => home.database.query(`select from pg_locks where locktype = 'advisory' and not granted`),
      (rows) => rows.length === 1,
    );
  });
  expect(await claimed).toMatchObject({ code: 'fenced' });
  expect(await home.database.query('select from treadle.claims where task_id = $1', [world.taskId])).toEqual(
    [],
  );
});

test('a worker that leaves gives back what it holds: no attempt is counted', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await claim(world);
  const left = await leaveWorker(home.database, world.worker);
  expect(left).toMatchObject({ given_back: 1, ready_handlers: [world.handler] });
  const next = { ...world, worker: await newWorker(home.database, [world.handler]) };
  expect(await claimedOne(next)).toMatchObject({ step_name: 'a', attempt: 1 });
});

test('an outcome that was recorded, though its answer was lost, is known by its claim', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const step = await claimedOne(world);
  await recordOutcomes(home.database, world.worker, [outcome(step)]);
  const again = await recordOutcomes(home.database, world.worker, [outcome(step)]);
  expect(again).toMatchObject({ refused_claim_ids: [step.claim_id], finalized: [] });
  expect(await recordedOutcomes(home.database, [step])).toEqual({
    recorded_claim_ids: [step.claim_id],
    ready_handlers: [],
    finalized: [{ task_id: world.taskId, event: 'complete', to_state: 'complete' }],
    wakeups: 0,
  });
});

test('an outcome whose step was taken back is not taken for recorded', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const step = await claimedOne(world);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  await takeBackLostSteps(home.database);
  expect(await recordedOutcomes(home.database, [step])).toMatchObject({ recorded_claim_ids: [] });
});

test('whether others run steps is told only to who asks', async () => {
  const { database, drop } = await createTestDatabase();
  onTestFinished(drop);
  const me = await newWorker(database, []);
  const world = await startedWorld(database, { a: [] });
  await claim(world);
  const watched = { others: 1, absent: [], claimed: true };
  expect(await watchWorkers(database, me.worker_id, true)).toEqual(watched);
  expect(await watchWorkers(database, me.worker_id, false)).toEqual({ ...watched, claimed: false });
  expect((await watchWorkers(database, world.worker.worker_id, true)).claimed).toBe(false);
});
