// The recorder never drops an outcome: it waits while Postgres is away, and what Postgres refuses as data fails its own
// step alone.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { TreadleError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import type { FailedOutcome, Outcome } from '../../core/outcome.ts';
import { share } from '../../engine/crew.ts';
import { outcomeRow, Recorder } from '../../engine/recorder.ts';
import type { Executor } from '../../sql/database.ts';
import type { ClaimedStep } from '../../sql/delivery.ts';
import type { Recorded } from '../../sql/outcomes.ts';
import { claimSteps, takeBackLostSteps, undeliveredSteps } from '../../sql/steps.ts';
import {
  idOf,
  sibling,
  startedWorld,
  withOtherWorker,
  writeAsRails,
  type World,
} from '../support/factories.ts';
import { crewOf } from '../support/crews.ts';
import { testDatabase } from '../support/postgres.ts';
import { settled } from '../support/step-invocation.ts';
import { statesOfSteps, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();

function recorderOn(database: Executor) {
  const [told, pauses] = [[] as Recorded[], [] as number[]];
  const recorder = new Recorder({
    database,
    log: pino({ level: 'silent' }),
    onRecorded: (recorded) => void told.push(recorded),
    pause: async (ms) => void pauses.push(ms),
  });
  return { recorder, told, pauses };
}

async function claimed(world: World): Promise<ClaimedStep[]> {
  const steps = await claimSteps(world.db, world.worker, [world.handler], 10);
  return steps.toSorted((a, b) => a.workflow_step_id - b.workflow_step_id);
}

const complete = (results: Json): Outcome => ({ kind: 'complete', results });

const failure = (more: Partial<FailedOutcome> = {}): FailedOutcome => ({
  kind: 'error',
  code: 'handler_error',
  permanent: false,
  error: 'it broke',
  error_class: 'Error',
  backtrace: '',
  ...more,
});

/** The database, whose first answers are these errors instead. */
function failingFirst(...errors: Error[]): Executor {
  return {
    query: async (text, values) => {
      const error = errors.shift();
      if (error) throw error;
      return home.database.query(text, values);
    },
  };
}

test('outcomes of one turn are one statement', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const { recorder, told } = recorderOn(home.database);
  const steps = await claimed(world);
  const answers = await Promise.all(steps.map((step) => recorder.record(world.worker, step, complete({}))));
  expect([answers, told.length]).toEqual([[true, true], 1]);
  expect(told[0]?.finalized).toHaveLength(1);
});

test('results that Postgres refuses fail their own step only, for good', async () => {
  const world = await startedWorld(home.database, { good: [], bad: [], fine: [] });
  const { recorder } = recorderOn(home.database);
  const steps = await claimed(world);
  const answers = steps.map((step) =>
    recorder.record(world.worker, step, complete(step.step_name === 'bad' ? 'a\u0000b' : 'ab')),
  );
  expect(await Promise.all(answers)).toEqual([true, true, true]);
  const states = await statesOfSteps(home.database, world.taskId);
  expect(states).toEqual({ good: 'complete', bad: 'error', fine: 'complete' });
  const [, row] = await trailOf(home.database, 'workflow_step', idOf(world, 'bad'));
  expect(row?.metadata).toMatchObject({ code: 'unstorable', retry_available: false });
});

test.each([
  ['Postgres is away', new TreadleError('database_unavailable', 'away')],
  [
    'there was a deadlock',
    new TreadleError('database_error', 'deadlock', { details: { sqlstate: '40P01' } }),
  ],
])('when %s an outcome waits, longer each time', async (_why, error) => {
  const world = await startedWorld(home.database, { a: [] });
  const { recorder, pauses } = recorderOn(failingFirst(error, error, error));
  const [step] = await claimed(world);
  expect(step && (await recorder.record(world.worker, step, complete({ n: 1 })))).toBe(true);
  expect(pauses).toEqual([100, 200, 400]);
  expect(await stepColumns(home.database, idOf(world, 'a'))).toMatchObject({ results: { n: 1 } });
});

test('an outcome whose claim is gone is reported, those beside it count', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const { recorder } = recorderOn(home.database);
  const [a, b] = await claimed(world);
  const { worker } = await withOtherWorker(world);
  if (!a || !b) throw new Error('two steps were to be claimed');
  const answers = [recorder.record(worker, a, complete({})), recorder.record(world.worker, b, complete({}))];
  expect(await Promise.all(answers)).toEqual([false, true]);
});

test('a failure keeps what the handler had put into its results', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const [step] = await claimed(world);
  if (!step) throw new Error('a step was to be claimed');
  expect(JSON.parse(outcomeRow(step, failure({ results: { sent: 3 } })).results)).toEqual({
    sent: 3,
    error: 'it broke',
    error_class: 'Error',
    backtrace: '',
  });
});

test.each([
  [failure({ permanent: true }), null],
  [failure({ retry_after_seconds: 7 }), 7000],
  [failure(), 250],
])('the wait after %j is %s ms', async (outcome, expected) => {
  const backoff = { base_seconds: 0.25, factor: 2, max_seconds: 9, jitter: 0 };
  const world = await startedWorld(home.database, { a: [] }, { each: { backoff } });
  const [step] = await claimed(world);
  expect(step && outcomeRow(step, outcome).delay_ms).toBe(expected);
});

/** The database, which does what it is told and whose first answer is lost on the way. */
function losingTheFirstAnswer(): Executor {
  let lost = false;
  return {
    query: async (text, values) => {
      const rows = await home.database.query(text, values);
      if (lost) return rows as never;
      lost = true;
      throw new TreadleError('database_unavailable', 'the connection broke');
    },
  };
}

test('an outcome that was recorded before its answer was lost counts, and what followed is told once', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  const { recorder, told } = recorderOn(losingTheFirstAnswer());
  const [step] = await claimed(world);
  if (!step) throw new Error('a step was to be claimed');
  expect(await recorder.record(world.worker, step, complete({}))).toBe(true);
  expect(told.flatMap(({ ready_handlers }) => ready_handlers)).toEqual([world.handler]);
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'complete', b: 'pending' });
});

test('the end of a task is told although the answer that said it was lost', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { recorder, told } = recorderOn(losingTheFirstAnswer());
  const [step] = await claimed(world);
  expect(step && (await recorder.record(world.worker, step, complete({})))).toBe(true);
  const finalized = [{ task_id: world.taskId, event: 'complete', to_state: 'complete' }];
  expect(told.flatMap((recorded) => recorded.finalized)).toEqual(finalized);
});

test('an outcome that is sent again after its step was taken away does not count', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { recorder } = recorderOn(failingFirst(new TreadleError('database_unavailable', 'away')));
  const [step] = await claimed(world);
  await home.database.query('delete from treadle.workers where worker_id = $1', [world.worker.worker_id]);
  await takeBackLostSteps(home.database);
  expect(step && (await recorder.record(world.worker, step, complete({})))).toBe(false);
});

test('a step that is given back is no attempt', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { recorder, told } = recorderOn(home.database);
  const [step] = await claimed(world);
  expect(step && (await recorder.release(world.worker, step))).toBe(true);
  expect(told[0]?.ready_handlers).toEqual([world.handler]);
  expect((await claimed(world))[0]).toMatchObject({ step_name: 'a', attempt: 1 });
});

test('after it was told to abandon, the recorder waits for Postgres no more', async () => {
  const away = new TreadleError('database_unavailable', 'away');
  const world = await startedWorld(home.database, { a: [] });
  const { recorder } = recorderOn(failingFirst(away, away, away, away));
  const [step] = await claimed(world);
  recorder.abandon();
  await expect(step && recorder.record(world.worker, step, complete({}))).rejects.toBe(away);
});

/** A recorder that takes children for the worker of this world, and what it orders and hears. */
function takingChildren(world: World, database: Executor = home.database) {
  const [ordered, arrived, lost] = [[] as number[], [] as string[], [] as number[]];
  const recorder = new Recorder({
    database,
    log: pino({ level: 'silent' }),
    onRecorded: () => {},
    pause: async () => {},
    successors: {
      order: (ended) => {
        ordered.push(ended);
        const loan = { ...share([crewOf([world.handler])], () => 5), ended };
        return { ...loan.room, lateStart: true, loan };
      },
      arrived: (_order, _asked, _worker, steps) => void arrived.push(...steps.map((step) => step.step_name)),
      lost: ({ capacity }) => void lost.push(capacity),
    },
  });
  return { recorder, ordered, arrived, lost };
}

test('children arrive with the answer to the recording of their parents', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a', 'b'] });
  const { recorder, ordered, arrived } = takingChildren(world);
  const steps = await claimed(world);
  await Promise.all(steps.map((step) => recorder.record(world.worker, step, complete({}))));
  await settled(); // they come a turn after the end of their parents
  expect([ordered, arrived]).toEqual([[2], ['c']]);
});

test('an order whose answer was lost is said to be lost, and the second sending makes its own', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  const { recorder, ordered, arrived, lost } = takingChildren(world, losingTheFirstAnswer());
  const [step] = await claimed(world);
  expect(step && (await recorder.record(world.worker, step, complete({})))).toBe(true);
  expect([ordered, arrived, lost]).toEqual([[1, 1], [], [5]]);
  const claims = await undeliveredSteps(home.database, world.worker, []);
  expect(claims.map(({ step_name }) => step_name)).toEqual(['b']);
});

test('an order is lost also when Postgres refuses the batch as data', async () => {
  const world = await startedWorld(home.database, { good: [], bad: [], child: ['good'] });
  const { recorder, ordered, arrived, lost } = takingChildren(world);
  const steps = await claimed(world);
  const answers = steps.map((step) =>
    recorder.record(world.worker, step, complete(step.step_name === 'bad' ? 'a\u0000b' : 'ab')),
  );
  expect(await Promise.all(answers)).toEqual([true, true]);
  await settled();
  expect([ordered, arrived, lost]).toEqual([[2, 1, 1, 1], ['child'], [5, 5]]);
});

test('a pair that another hand has broken into is sent again, and only its own step is refused', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const late = await claimSteps(home.database, world.worker, [world.handler], 10, { lateStart: true });
  const clash = new TreadleError('database_error', 'in the same instant', { details: { sqlstate: '40001' } });
  const { recorder, pauses } = recorderOn(failingFirst(clash));
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'cancelled');
  const answers = late
    .toSorted((a, b) => a.workflow_step_id - b.workflow_step_id)
    .map((step) => recorder.record(world.worker, step, complete({})));
  expect([await Promise.all(answers), pauses]).toEqual([[false, true], [100]]);
});

test('a burst of outcomes of several tasks goes over two connections, and each counts once', async () => {
  const shape = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`s${n}`, []]));
  const world = await startedWorld(home.database, { ...shape, last: Object.keys(shape) });
  await sibling(world);
  const { recorder, told } = recorderOn(home.database);
  const steps = await claimSteps(home.database, world.worker, [world.handler], 1000, { lateStart: true });
  const answers = steps.map((step) => recorder.record(world.worker, step, complete({ n: 1 })));
  expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  expect(told.length).toBeGreaterThan(1);
  const ready = told.flatMap(({ ready_handlers }) => ready_handlers);
  expect([answers.length, new Set(ready)]).toEqual([120, new Set([world.handler])]);
});
