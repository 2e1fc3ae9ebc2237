// Limits in claim_steps: what is claimed never goes beyond them, what they allow is claimed, and keys take turns.
import { expect, test } from 'vitest';
import { listLimits, removeLimits, setLimits } from '../../sql/limits.ts';
import { claimSteps } from '../../sql/steps.ts';
import { moveClock, newWorker, uniqueName } from '../support/factories.ts';
import { AGAIN, customersOf, end, limitedWorld, ready, take } from '../support/limited.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const key = '{{ context.customer }}';
const of = (customer: string, count: number) => Array.from({ length: count }, () => ({ customer }));
const perCustomer = (limit: number) => ({ concurrency: { limit, key } });

test('no more steps of a name run at once than its concurrency allows', async () => {
  const world = await limitedWorld(home.database, { concurrency: { limit: 3 } });
  await ready(world, of('a', 10));
  const { steps } = await take(world, home.database);
  expect(steps).toHaveLength(3);
  expect((await take(world, home.database)).steps).toEqual([]);
  await end(world, steps.slice(0, 2));
  expect((await take(world, home.database)).steps).toHaveLength(2);
});

test('each value of a key is counted apart', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, [...of('a', 5), ...of('b', 2), { nobody: 1 }]);
  const { steps } = await take(world, home.database);
  expect(customersOf(steps)).toEqual(['a', 'b', 'nobody']);
});

test('the end of a step tells who waits for its slot', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, [...of('a', 2), ...of('b', 1)]);
  const { steps } = await take(world, home.database);
  await take(world, home.database);
  const [b, a] = [steps.filter((step) => step.task.context['customer'] === 'b'), steps];
  expect(await end(world, b)).toEqual([]);
  expect(
    await end(
      world,
      a.filter((step) => !b.includes(step)),
    ),
  ).toEqual([world.handler]);
});

test('a step of one key does not wait behind ten thousand of another', async () => {
  const world = await limitedWorld(home.database, perCustomer(1000));
  await ready(world, of('a', 10_000));
  await take(world, home.database, 10);
  await ready(world, of('b', 1));
  const { steps } = await take(world, home.database, 2);
  expect(customersOf(steps)).toEqual(['a', 'b']);
}, 60_000);

test('with one slot the keys take turns', async () => {
  const world = await limitedWorld(home.database, perCustomer(5));
  await ready(world, [...of('a', 4), ...of('b', 4), ...of('c', 4)]);
  const served: unknown[] = [];
  for (let turn = 0; turn < 6; turn += 1) {
    const { steps } = await take(world, home.database, 1);
    served.push(...customersOf(steps));
  }
  expect(served.slice(3)).toEqual(served.slice(0, 3));
  expect(new Set(served)).toEqual(new Set(['a', 'b', 'c']));
});

test('slots that one key cannot use go to the others', async () => {
  const world = await limitedWorld(home.database, perCustomer(8));
  await ready(world, [...of('a', 1), ...of('b', 20)]);
  expect(customersOf((await take(world, home.database, 9)).steps)).toEqual(['a', ...Array(8).fill('b')]);
});

test('a rate counts starts, and says when the next may follow', async () => {
  const world = await limitedWorld(home.database, { rate: { limit: 3, per: '1m' } });
  await ready(world, of('a', 10));
  const first = await take(world, home.database);
  expect(first.steps).toHaveLength(3);
  await end(world, first.steps);
  const second = await take(world, home.database);
  expect(second.steps).toEqual([]);
  const { lookAgainInMs } = second.lookAgainInMs === 20 ? await take(world, home.database) : second;
  expect(lookAgainInMs).toBeGreaterThan(55_000);
  expect(lookAgainInMs).toBeLessThanOrEqual(60_000);
});

test('a rate allows the next starts one period after the earlier ones', async () => {
  const world = await limitedWorld(home.database, { rate: { limit: 2, per: '1m' } });
  await ready(world, of('a', 10));
  const counts: number[] = [];
  for (const seconds of [0, 30, 31, 30, 31]) {
    await moveClock(home.database, seconds);
    counts.push((await take(world, home.database, 1)).steps.length);
  }
  expect(counts).toEqual([1, 1, 1, 1, 1]);
  expect((await take(world, home.database)).steps).toEqual([]);
});

test('a retry counts again for the rate', async () => {
  const world = await limitedWorld(home.database, { rate: { limit: 2, per: '1h' } });
  await ready(world, of('a', 1));
  await end(world, (await take(world, home.database)).steps, AGAIN);
  await end(world, (await take(world, home.database)).steps, AGAIN);
  expect((await take(world, home.database)).steps).toEqual([]);
});

test('of several limits all hold', async () => {
  const world = await limitedWorld(home.database, { ...perCustomer(2), rate: { limit: 4, per: '1h' } });
  await setLimits(home.database, { scope: 'handler', subject: world.handler }, { concurrency: 3 });
  await ready(world, [...of('a', 5), ...of('b', 5)]);
  const { steps } = await take(world, home.database);
  expect([steps.length, new Set(customersOf(steps)).size]).toEqual([3, 2]);
  await end(world, steps);
  expect((await take(world, home.database)).steps).toHaveLength(1);
});

test('a limit of a handler counts what runs already', async () => {
  const world = await limitedWorld(home.database, {});
  await ready(world, of('a', 10));
  const { steps } = await take(world, home.database, 4);
  await setLimits(home.database, { scope: 'handler', subject: world.handler }, { concurrency: 5 });
  expect((await take(world, home.database)).steps).toHaveLength(1);
  await end(world, steps);
  expect((await take(world, home.database)).steps).toHaveLength(4);
});

test('another number counts from the next claim on', async () => {
  const world = await limitedWorld(home.database, {});
  const subject = { scope: 'handler' as const, subject: world.handler };
  await ready(world, of('a', 10));
  await setLimits(home.database, subject, { concurrency: 1, rate: { limit: 2, per_ms: 60_000 } });
  expect((await take(world, home.database)).steps).toHaveLength(1);
  await setLimits(home.database, subject, { concurrency: 5 });
  expect((await take(world, home.database)).steps).toHaveLength(1);
  await setLimits(home.database, subject, { rate: { limit: 4, per_ms: 60_000 } });
  expect((await take(world, home.database)).steps).toHaveLength(2);
});

test('without its limits a handler takes what it can, and is handed over to again', async () => {
  const world = await limitedWorld(home.database, {});
  const subject = { scope: 'handler' as const, subject: world.handler };
  await setLimits(home.database, subject, { concurrency: 1 });
  await ready(world, of('a', 10));
  expect((await take(world, home.database)).steps).toHaveLength(1);
  expect(await removeLimits(home.database, subject)).toBe(1);
  expect((await take(world, home.database)).steps).toHaveLength(9);
  const left = 'select handler from treadle.limited_handlers where handler = $1';
  expect(await home.database.query(left, [world.handler])).toEqual([]);
});

test('a template that says other limits changes them for what waits', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, [...of('a', 5), ...of('b', 5)]);
  expect((await take(world, home.database)).steps).toHaveLength(2);
  const template = (concurrency: object) => ({
    namespace_name: 'test',
    name: world.name,
    version: '1.0.0',
    step_templates: [{ name: 'work', concurrency }],
  });
  const register = 'select treadle.register_limits($1, $2)';
  await home.database.query(register, [world.namedTaskId, template({ limit: 5 })]);
  expect((await take(world, home.database)).steps).toHaveLength(3);
});

test('a namespace limits the steps of all its handlers together', async () => {
  const [one, two] = [await limitedWorld(home.database, {}), await limitedWorld(home.database, {})];
  await setLimits(home.database, { scope: 'namespace', subject: 'test' }, { concurrency: 3 });
  await ready(one, of('a', 3));
  await ready(two, of('a', 3));
  const counts = [(await take(one, home.database, 2)).steps, (await take(two, home.database)).steps];
  await removeLimits(home.database, { scope: 'namespace', subject: 'test' });
  expect(counts.map((steps) => steps.length)).toEqual([2, 1]);
});

test('what is not limited is claimed beside what is, and each gets its share of few slots', async () => {
  const limited = await limitedWorld(home.database, perCustomer(100));
  const free = await limitedWorld(home.database, {});
  await ready(free, of('x', 20));
  await ready(limited, of('a', 20));
  const handlers = [limited.handler, free.handler];
  const both = { ...limited, worker: await newWorker(home.database, handlers) };
  const steps = await claimSteps(home.database, both.worker, handlers, 10);
  expect(customersOf(steps)).toEqual([...Array(5).fill('a'), ...Array(5).fill('x')]);
});

test('a paused step is not claimed, and takes its turn after the pause', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, of('a', 2));
  await end(world, (await take(world, home.database)).steps);
  await home.database.query(`select treadle.pause('handler', $1, 'me')`, [world.handler]);
  expect((await take(world, home.database)).steps).toEqual([]);
  await home.database.query(`select treadle.resume('handler', $1)`, [world.handler]);
  expect((await take(world, home.database)).steps).toHaveLength(1);
});

test('cancelling a running step frees its slot', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, of('a', 2));
  const { steps } = await take(world, home.database);
  await home.database.query(`select treadle.cancel_tasks($1, 'me')`, [steps.map(({ task_id }) => task_id)]);
  expect((await take(world, home.database)).steps).toHaveLength(1);
});

test('the list says what runs and what waits', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, [...of('a', 5), ...of('b', 5)]);
  await take(world, home.database);
  const mine = (await listLimits(home.database)).filter(({ subject }) => subject.includes(world.name));
  expect(mine).toEqual([
    {
      scope: 'step',
      subject: `test/${world.name}/work`,
      kind: 'concurrency',
      amount: 1,
      per_ms: null,
      key,
      in_use: 2,
      waiting: 8,
      keys: 2,
    },
  ]);
});

test('a step that waits for a limit says for which', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, of('42', 2));
  await take(world, home.database);
  const [row] = await home.database.query<{ why: string }>(
    'select treadle.explain_step(workflow_step_id) as why from treadle.ready_steps where handler = $1',
    [world.handler],
  );
  expect(row?.why).toBe(`ready, waits for a slot of concurrency 1 of step test/${world.name}/work, key 42`);
});

test('groups that nobody uses any more are forgotten', async () => {
  const world = await limitedWorld(home.database, perCustomer(1));
  await ready(world, [{ customer: uniqueName('once') }]);
  await end(world, (await take(world, home.database)).steps);
  await moveClock(home.database, 7200);
  await take(world, home.database);
  await home.database.query(`select treadle.forget_groups(interval '1 hour', 10000)`);
  const query =
    'select 1 from treadle.limit_groups g join treadle.limits using (limit_id) where subject like $1';
  expect(await home.database.query(query, [`%/${world.name}/%`])).toEqual([]);
});

test('a handler that no template names cannot be limited', async () => {
  const nobody = setLimits(home.database, { scope: 'handler', subject: 'Nobody' }, { concurrency: 1 });
  await expect(nobody).rejects.toMatchObject({ code: 'invalid_argument' });
});
