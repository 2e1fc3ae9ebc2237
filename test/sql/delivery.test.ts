// What a claim brings: tasks, definitions and the results of parents once each, shared by the steps that refer to them and
// closed to changes; large ones come one by one, and what cannot be delivered fails alone.
import { expect, test } from 'vitest';
import { claimSteps, undeliveredSteps } from '../../sql/steps.ts';
import { unpacked, type ClaimedStep, type Delivery } from '../../sql/delivery.ts';
import {
  carryOut,
  claim,
  completed,
  handOver,
  idOf,
  record,
  sibling,
  startedWorld,
  type World,
} from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const FAN = { a: [], b: ['a'], c: ['a'] };

/** Everything that is ready, in the order of the ids. */
async function claimed(world: World): Promise<ClaimedStep[]> {
  const steps = await claimSteps(home.database, world.worker, [world.handler], 1000);
  return steps.toSorted((one, other) => one.workflow_step_id - other.workflow_step_id);
}

/** The documents as they come over the wire. */
async function documents(world: World): Promise<Delivery[]> {
  const { worker_id, epoch } = world.worker;
  const rows = await home.database.query<{ delivery: Delivery }>(
    'select treadle.claim_steps($1, $2, $3, 1000) as delivery',
    [worker_id, epoch, [world.handler]],
  );
  return rows.map(({ delivery }) => delivery);
}

test('a task, a definition and a parent stand in the document once, however many steps refer to them', async () => {
  const world = await startedWorld(home.database, FAN);
  const other = await sibling(world);
  await claim(world);
  await record(world, completed(world, 'a'), completed(other, 'a'));
  const [document, ...more] = await documents(world);
  expect(more).toEqual([]);
  const { steps = [], tasks = [], definitions = [], parents } = document ?? {};
  expect([steps.length, tasks?.length, definitions.length, parents?.length]).toEqual([4, 2, 2, 2]);
});

test('steps share their task, their inputs and what their parents left', async () => {
  const world = await startedWorld(home.database, FAN);
  await carryOut(world, 'a');
  const [b, c] = await claimed(world);
  expect(b?.task).toBe(c?.task);
  expect(b?.parent_results?.['a']).toBe(c?.parent_results?.['a']);
  expect(b?.inputs).toBe(b?.task.context);
});

/** What a handler might do to what it was given. */
const spoil = (value: unknown) => () => {
  (value as Record<string, unknown>)['spoilt'] = true;
};

test('nothing that steps share can be changed by one of them', async () => {
  const each = { handler_config: { deep: { er: 1 } } };
  const world = await startedWorld(home.database, FAN, { each, request: { context: { deep: { er: 1 } } } });
  await carryOut(world, 'a');
  const [b] = await claimed(world);
  const shared = [b?.task.context, b?.inputs, b?.handler_config, b?.backoff, b?.parent_results?.['a']];
  for (const value of shared) expect(spoil(value)).toThrow(TypeError);
  for (const value of [b?.task.context, b?.handler_config])
    expect(spoil((value as { deep: unknown }).deep)).toThrow(TypeError);
});

test('the results of parents that were recorded with the claim are no part of what a handler holds still', async () => {
  const world = await startedWorld(home.database, FAN);
  await claim(world);
  const mine = { list: [1] };
  const recorded = await handOver(world, {}, completed(world, 'a', mine));
  mine.list.push(2);
  expect(recorded.claimed.map((step) => step.parent_results)).toEqual([
    { a: { list: [1] } },
    { a: { list: [1] } },
  ]);
  for (const { parent_results } of recorded.claimed) expect(spoil(parent_results?.['a'])).toThrow(TypeError);
});

test('a child that is handed over sees parents of before, of this statement and of another hand alike', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: [], d: ['a', 'b', 'c'] });
  await claim(world);
  await record(world, completed(world, 'a'));
  await home.database.query(`select treadle.resolve_steps($1, 'ann', null, '{"by": "ann"}', true)`, [
    [idOf(world, 'b')],
  ]);
  const late = { ...completed(world, 'b', { by: 'the late answer' }) };
  const {
    claimed: [d],
  } = await handOver(world, {}, late, completed(world, 'c'));
  expect(d?.parent_results).toEqual({ a: { by: 'a' }, b: { by: 'ann' }, c: { by: 'c' } });
});

test('a document leaves out what its worker has just sent, and brings it to whoever asks again', async () => {
  const world = await startedWorld(home.database, FAN);
  await claim(world);
  const lost = await handOver(world, {}, completed(world, 'a', { n: 1 }));
  const again = await undeliveredSteps(home.database, world.worker, []);
  expect(again.toSorted((b, c) => b.claim_id - c.claim_id)).toEqual(
    lost.claimed.toSorted((b, c) => b.claim_id - c.claim_id),
  );
});

test('a task that its worker has is not sent again, unless somebody has changed it', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'], c: ['b'] });
  const [a] = await claimed(world);
  const tasks = a ? [a.task] : [];
  const first = await handOver(world, { tasks }, completed(world, 'a'));
  expect(first.claimed[0]?.task).toBe(a?.task);
  await home.database.query(`update tasker_tasks set context = '{"order_id": 2}' where task_id = $1`, [
    world.taskId,
  ]);
  const second = await handOver(world, { tasks }, completed(world, 'b'));
  expect(second.claimed[0]).toMatchObject({ task: { context: { order_id: 2 } }, inputs: { order_id: 1 } });
});

test.each<[string, string, unknown]>([
  ['inputs of its own', `'{"mine": 1}'`, { mine: 1 }],
  ['inputs that are JSON null', `'null'`, null],
  ['no inputs', 'null', { order_id: 1 }],
  ['the same inputs as the task', `'{"order_id": 1}'`, { order_id: 1 }],
])('a step with %s gets them', async (_what, inputs, expected) => {
  const world = await startedWorld(home.database, { a: [] });
  await home.database.query(
    `update tasker_workflow_steps set inputs = ${inputs} where workflow_step_id = $1`,
    [idOf(world, 'a')],
  );
  expect((await claimed(world))[0]?.inputs).toEqual(expected);
});

test('a step has its inputs also in a task without a context', async () => {
  const world = await startedWorld(home.database, { a: [] });
  await home.database.query('update tasker_tasks set context = null where task_id = $1', [world.taskId]);
  const [step] = await claimed(world);
  expect([step?.inputs, step?.task.context]).toEqual([{ order_id: 1 }, null]);
});

test.each<[string, string, unknown]>([
  ['of another kind', `'[1, null, "two"]'`, [1, null, 'two']],
  ['that are JSON null', `'null'`, null],
  ['that are not there', 'null', null],
])('results of a parent %s reach its child', async (_what, results, expected) => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await carryOut(world, 'a');
  await home.database.query(
    `update tasker_workflow_steps set results = ${results} where workflow_step_id = $1`,
    [idOf(world, 'a')],
  );
  expect((await claimed(world))[0]?.parent_results).toEqual({ a: expected });
});

test('a step sees the results of its own attempt before', async () => {
  const world = await startedWorld(home.database, { a: [] });
  expect((await claimed(world))[0]?.results).toEqual({});
  const outcome = { ...completed(world, 'a', { so: 'far' }), event: 'fail' as const, delay_ms: 0 };
  await record(world, outcome);
  expect((await claimed(world))[0]).toMatchObject({ attempt: 2, results: { so: 'far' } });
});

test('a delivery that was lost comes again as it was', async () => {
  const world = await startedWorld(home.database, FAN);
  await carryOut(world, 'a');
  const lost = await claimed(world);
  const known = lost.slice(0, 1).map(({ claim_id }) => claim_id);
  expect(await undeliveredSteps(home.database, world.worker, known)).toEqual(lost.slice(1));
});

/** Gives these steps results of so many bytes, which compress well. */
async function fill(world: World, bytes: number, ...steps: string[]): Promise<void> {
  await home.database.query(
    `update tasker_workflow_steps
     set results = jsonb_build_object('text', repeat('x', $1::integer))
     where workflow_step_id = any ($2)`,
    [bytes, steps.map((step) => idOf(world, step))],
  );
}

const MB = 1024 * 1024;

test('steps whose parents are large come in a document each', async () => {
  const world = await startedWorld(home.database, { a: [], b: [], c: ['a'], d: ['b'] });
  await carryOut(world, 'a', 'b');
  await fill(world, 17 * MB, 'a', 'b');
  const came = await documents(world);
  expect(came.map(({ steps, parents, too_large }) => [steps.length, parents?.length, too_large])).toEqual([
    [1, 1, false],
    [1, 1, false],
  ]);
});

test('steps of tasks with large contexts come in a document each, steps of one such task together', async () => {
  const world = await startedWorld(home.database, { a: [], b: [] });
  const other = await sibling(world);
  await home.database.query(
    `with big as (select jsonb_build_object('text', repeat('x', $1::integer)) as context),
       steps as (update tasker_workflow_steps set inputs = big.context from big where task_id = any ($2))
     update tasker_tasks set context = big.context from big where task_id = any ($2)`,
    [17 * MB, [world.taskId, other.taskId]],
  );
  expect((await documents(world)).map(({ steps }) => steps.length)).toEqual([1, 1, 1, 1]);
  const [row] = await home.database.query<{ steps: number }>(
    `select json_array_length(treadle.delivery($1, $2, 32000000) -> 'steps') as steps`,
    [
      [idOf(world, 'a'), idOf(world, 'b')],
      [1, 2],
    ],
  );
  expect(row).toEqual({ steps: 2 });
});

test('results that compress well are measured as what they are', async () => {
  const parents = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`p${n}`, []]));
  const children = Object.fromEntries(Object.keys(parents).map((name) => [`c_of_${name}`, [name]]));
  const world = await startedWorld(home.database, { ...parents, ...children });
  await carryOut(world, ...Object.keys(parents));
  await fill(world, 100_000, ...Object.keys(parents)); // stored in less than 2 kB each
  const [row] = await home.database.query<{ fits: boolean }>(
    `select treadle.delivery($1, $2, 1000000) is not null as fits`,
    [Object.keys(children).map((name) => idOf(world, name)), Object.keys(children).map((_, n) => n)],
  );
  expect(row).toEqual({ fits: false });
});

test('a document that would be too large is none, and without the results it says so', async () => {
  const world = await startedWorld(home.database, { a: [], b: ['a'] });
  await carryOut(world, 'a');
  await fill(world, 5000, 'a');
  const [row] = await home.database.query<{ whole: Delivery | null; bare: Delivery }>(
    `select treadle.delivery($1, $2, 4000) as whole, treadle.delivery($1, $2, 4000, p_with_results => false) as bare`,
    [[idOf(world, 'b')], [1]],
  );
  expect([row?.whole, row?.bare.too_large]).toEqual([null, true]);
  const [b] = unpacked(
    row?.bare ?? { steps: [], tasks: [], definitions: [], parents: null, too_large: true },
    world.worker,
  );
  expect([b?.step_name, b?.parent_results]).toEqual(['b', null]);
});
