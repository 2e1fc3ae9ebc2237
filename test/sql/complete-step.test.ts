// treadle.complete_step: a step completed inside anybody's transaction, with all that follows from it, or not at all.
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { claimSteps } from '../../sql/steps.ts';
import { carryOut, claim, idOf, newWorker, startedWorld, type World } from '../support/factories.ts';
import { violations } from '../support/invariants.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';
import { readySteps, stateOfTask, statesOfSteps, stepColumns, trailOf } from '../support/trail.ts';

const home = testDatabase();

/** Claims everything that is ready; the tokens by the names of the steps. */
async function tokens(world: World): Promise<Record<string, string>> {
  const steps = await claimSteps(world.db, world.worker, [world.handler], 100);
  return Object.fromEntries(steps.map((step) => [step.step_name, step.claim_token]));
}

const complete = (db: Executor, token: string | undefined, results = '{"n": 1}') =>
  db.query('select * from treadle.complete_step($1, $2)', [token, results]);

test('a step is complete with its row, its audit row, its children and the end of its task', async () => {
  const world = await startedWorld(home.database, { first: [], second: ['first'] });
  const { first } = await tokens(world);
  expect(await complete(home.database, first)).toEqual([
    { ready_handlers: [world.handler], finalized: [], wakeups: 0 },
  ]);
  expect(await readySteps(world)).toEqual(['second']);
  const { second } = await tokens(world);
  await complete(home.database, second);
  expect(await stateOfTask(home.database, world.taskId)).toBe('complete');
  expect(await stepColumns(home.database, idOf(world, 'second'))).toMatchObject({
    processed: true,
    attempts: 1,
    results: { n: 1 },
  });
  const [, row] = await trailOf(home.database, 'workflow_step', idOf(world, 'second'));
  expect(row?.metadata).toMatchObject({
    event: 'complete',
    triggered_by: 'complete_step',
    attempt_number: 1,
  });
});

test('a rollback takes all of it back, and the claim is held as before', async () => {
  const world = await startedWorld(home.database, { first: [], second: ['first'] });
  const { first } = await tokens(world);
  await inRolledBackTransaction(home.database, (tx) => complete(tx, first));
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({
    first: 'in_progress',
    second: 'pending',
  });
  await complete(home.database, first);
  expect(await readySteps(world)).toEqual(['second']);
});

test.each([
  ['recorded already', (world: World) => carryOut(world, 'first')],
  [
    'of a worker that was declared dead',
    (world: World) => world.db.query('delete from treadle.claims where task_id = $1', [world.taskId]),
  ],
])('a claim %s is refused as fenced, and the transaction fails', async (_why, happen) => {
  const world = await startedWorld(home.database, { first: [] });
  const steps = await claimSteps(world.db, world.worker, [world.handler], 1);
  const [step] = steps;
  await happen(world);
  await home.database.query('delete from treadle.claims where task_id = $1', [world.taskId]);
  await expect(complete(home.database, step?.claim_token)).rejects.toMatchObject({
    code: 'fenced',
    message: expect.stringContaining('was taken away from this attempt') as string,
  });
});

test('a token of an earlier claim of the same step is refused', async () => {
  const world = await startedWorld(home.database, { first: [] });
  const { first } = await tokens(world);
  await home.database.query(`update treadle.claims set claim_id = default where workflow_step_id = $1`, [
    idOf(world, 'first'),
  ]);
  await expect(complete(home.database, first)).rejects.toMatchObject({ code: 'fenced' });
});

test('a token of another worker is refused', async () => {
  const world = await startedWorld(home.database, { first: [] });
  const { first = '' } = await tokens(world);
  const other = await newWorker(home.database, ['x']);
  const forged = first.split('.').with(2, String(other.worker_id)).join('.');
  await expect(complete(home.database, forged)).rejects.toMatchObject({ code: 'fenced' });
});

test.each([null, '', '1', '1.2.3', '1.2.3.4.5', '1.2.3.x', "1.2.3.4'; drop table payments", '9'.repeat(99)])(
  'the token %j is malformed',
  async (token) => {
    const asked = home.database.query('select * from treadle.complete_step($1, $2)', [token, '{}']);
    await expect(asked).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('expected the claim token of a step') as string,
    });
  },
);

const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

test.each([
  ['no results at all', null, 'invalid_argument'],
  ['text that is no JSON', '{oops', 'database_error'],
  ['U+0000', '"a\\u0000b"', 'database_error'],
  ['half of a surrogate pair', '"\\ud83d"', 'database_error'],
  ['a million levels', deep(1_000_000), 'database_error'],
  ['NaN', 'NaN', 'database_error'],
])('%s as results changes nothing', async (_what, results, code) => {
  const world = await startedWorld(home.database, { first: [] });
  const { first } = await tokens(world);
  const asked = home.database.query('select * from treadle.complete_step($1, $2)', [first, results]);
  await expect(asked).rejects.toMatchObject({ code });
  expect(await statesOfSteps(home.database, world.taskId)).toEqual({ first: 'in_progress' });
  await complete(home.database, first, 'null');
  expect(await stateOfTask(home.database, world.taskId)).toBe('complete');
});

test.each(['repeatable read', 'serializable'])('a transaction in %s is refused', async (level) => {
  const world = await startedWorld(home.database, { first: [] });
  const { first } = await tokens(world);
  const asked = inRolledBackTransaction(home.database, async (tx) => {
    await tx.query(`set transaction isolation level ${level}`);
    return complete(tx, first);
  });
  await expect(asked).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining(level) as string,
  });
});

test('two siblings completed by two transactions at once end the task', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], sum: ['a', 'b'] });
  const { a, b } = await tokens(world);
  const [one, two] = [await openTransaction(home.database), await openTransaction(home.database)];
  await complete(one, a);
  const second = complete(two, b);
  await untilBlocked(home.database, two.pid);
  await one.commit();
  await second;
  await two.commit();
  expect(await readySteps(world)).toEqual(['sum']);
});

test('an idle transaction that has completed a step does not keep the lock for ever', async () => {
  const world = await startedWorld(home.database, { first: [] });
  const { first } = await tokens(world);
  const [row] = await inRolledBackTransaction(home.database, async (tx) => {
    await complete(tx, first);
    return tx.query(`select current_setting('idle_in_transaction_session_timeout') as timeout`);
  });
  expect(row).toEqual({ timeout: '10s' });
});

test('in any time zone and with any search path the outcome is the same', async () => {
  const world = await startedWorld(home.database, { first: [] });
  const { first } = await tokens(world);
  await home.database.transaction(async (tx) => {
    await tx.query(`set local timezone = 'Pacific/Chatham'`);
    await tx.query('set local search_path = pg_catalog');
    await complete(tx, first);
  });
  const [row] = await home.database.query<{ ago: number }>(
    `select abs(extract(epoch from (now() at time zone 'UTC') - processed_at))::integer as ago
     from tasker_workflow_steps
     where workflow_step_id = $1`,
    [idOf(world, 'first')],
  );
  expect(row?.ago).toBeLessThan(60);
});

test('engines hear of it: the claim is gone, steps are ready', async () => {
  const world = await startedWorld(home.database, { first: [], second: ['first'] });
  const { first } = await tokens(world);
  const client = home.database.dedicatedClient('test listener');
  await client.connect();
  const heard: string[] = [];
  client.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await client.query('listen treadle');
  await complete(home.database, first);
  await client.query('select 1');
  await client.end();
  expect(heard.filter((message) => message !== 'busy')).toEqual(['revoked', 'ready']);
});

test('after all of the above every row keeps the rules of the Rails engine', async () => {
  const world = await startedWorld(home.database, { last: [] });
  await claim(world);
  expect(await violations(home.database)).toEqual([]);
});
