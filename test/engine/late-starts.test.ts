// Who takes longer than the fuse gets its in_progress row, in one statement for all that began together; who has ended, none.
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { TreadleError } from '../../core/errors.ts';
import { LateStarts, type LateStartsOptions } from '../../engine/late-starts.ts';
import type { Executor } from '../../sql/database.ts';
import { claimSteps } from '../../sql/steps.ts';
import { completed, record, startedWorld, type World } from '../support/factories.ts';
import { Signal } from '../support/engines.ts';
import { LogBook } from '../support/logs.ts';
import { testDatabase } from '../support/postgres.ts';
import { deferred } from '../support/step-invocation.ts';
import { statesOfSteps } from '../support/trail.ts';

const home = testDatabase();

/** The database, and how often it was asked; `asked` happens with the first time, after its answer. */
function watched(answer: Executor['query'] = (text, values) => home.database.query(text, values)) {
  const [asked, statements] = [new Signal(), [] as unknown[]];
  const query: Executor['query'] = async (text, values) => {
    statements.push(text);
    try {
      return await answer(text, values);
    } finally {
      asked.happen();
    }
  };
  return { database: { query } satisfies Executor, asked, statements };
}

function startsOf(options: Partial<LateStartsOptions>): LateStarts {
  const log = pino({ level: 'silent' });
  const starts = new LateStarts({
    database: home.database,
    afterMs: 1,
    isRunning: () => true,
    log,
    ...options,
  });
  onTestFinished(() => starts.stop());
  return starts;
}

const claimed = (world: World) =>
  claimSteps(world.db, world.worker, [world.handler], 10, { lateStart: true });

test('steps that began together and still run are shown in one statement', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const { database, asked, statements } = watched();
  startsOf({ database }).watch(await claimed(world));
  await asked.happened;
  expect(statements).toHaveLength(1);
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'in_progress', b: 'in_progress' });
});

test('only those that still run are shown', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const { database, asked } = watched();
  startsOf({ database, isRunning: ({ step_name }) => step_name === 'b' }).watch(await claimed(world));
  await asked.happened;
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'pending', b: 'in_progress' });
});

test('a step that has ended meanwhile is left alone', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const steps = await claimed(world);
  await record(world, completed(world, 'a'));
  const { database, asked } = watched();
  startsOf({ database }).watch(steps);
  await asked.happened;
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'complete' });
});

test('who stops it waits for every statement under way', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const [first, second] = [deferred<never[]>(), deferred<never[]>()];
  const [both, answers, ended] = [new Signal(), [first, second], [] as string[]];
  const query: Executor['query'] = () => {
    const answer = answers.shift();
    if (answers.length === 0) both.happen();
    return answer?.promise ?? Promise.resolve([]);
  };
  const starts = startsOf({ database: { query } });
  for (const step of await claimed(world)) starts.watch([step]);
  await both.happened;
  const stopped = starts.stop().then(() => ended.push('stopped'));
  second.resolve([]);
  await new Promise(setImmediate);
  expect(ended).toEqual([]);
  first.resolve([]);
  await stopped;
});

test('what is stopped shows nothing more', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { database, statements } = watched();
  const starts = startsOf({ database });
  starts.watch(await claimed(world));
  await starts.stop();
  expect(statements).toEqual([]);
});

test.each([
  ['said once, as a warning', new TreadleError('database_error', 'something else'), 1],
  ['not said again while Postgres is away', new TreadleError('database_unavailable', 'away'), 0],
])('a failure is %s, and the step goes on', async (_what, error, warnings) => {
  const world = await startedWorld(home.database, { a: [] });
  const [{ database, asked }, book] = [watched(() => Promise.reject(error)), new LogBook()];
  const starts = startsOf({ database, log: book.log });
  starts.watch(await claimed(world));
  await asked.happened;
  await starts.stop();
  expect(book.messages(/could not be shown/)).toHaveLength(warnings);
});

test('what could not be shown is shown later, while it runs', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const [shown, errors] = [new Signal(), [new TreadleError('database_unavailable', 'away')]];
  const query: Executor['query'] = async (text, values) => {
    const error = errors.pop();
    if (error) throw error;
    const rows = await home.database.query(text, values);
    shown.happen();
    return rows as never[];
  };
  startsOf({ database: { query }, tryAgainMs: 1 }).watch(await claimed(world));
  await shown.happened;
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ a: 'in_progress' });
});

test('without a fuse there is nothing to watch', async () => {
  const world = await startedWorld(home.database, { a: [] });
  const { database, statements } = watched();
  const starts = startsOf({ database, afterMs: 0 });
  starts.watch(await claimed(world));
  expect([starts.enabled, statements]).toEqual([false, []]);
});
