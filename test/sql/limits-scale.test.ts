// What a claim reads when thousands of steps wait for a limit: what it gives, not what waits. Counted by Postgres in the
// transaction of the claim, so that the load of the machine changes nothing.
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { setLimits } from '../../sql/limits.ts';
import { end, limitedWorld, ready, take, type LimitedWorld } from '../support/limited.ts';
import { testDatabase } from '../support/postgres.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const home = testDatabase();
const MANY = 2000;
const key = '{{ context.customer }}';
const customers = Array.from({ length: MANY }, (_, n) => ({ customer: `c${n}` }));

/** Rows of steps that wait, of lanes and of groups that were read so far. */
async function rowsRead(tx: Executor): Promise<number> {
  const [row] = await tx.query<{ read: number }>(
    `select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::integer as read
     from pg_stat_xact_user_tables
     where schemaname = 'treadle'
       and relname in ('ready_steps', 'lanes', 'full_groups', 'limit_groups', 'limited_claims', 'limited_starts')`,
  );
  return row?.read ?? Number.NaN;
}

/** Claims once; how many steps came, and what was read for them. Nothing of it stays. */
function claimed(world: LimitedWorld, capacity: number): Promise<{ steps: number; read: number }> {
  return inRolledBackTransaction(home.database, async (tx) => {
    const before = await rowsRead(tx); // of transactions that this connection has not reported yet
    const { steps } = await take(world, tx, capacity);
    return { steps: steps.length, read: (await rowsRead(tx)) - before };
  });
}

test('a key without room hides its thousands of steps', async () => {
  const world = await limitedWorld(home.database, { concurrency: { limit: 1, key } });
  await ready(
    world,
    customers.map(() => ({ customer: 'many' })),
  );
  await take(world, home.database);
  await ready(world, [{ customer: 'one' }]);
  const { steps, read } = await claimed(world, 100);
  expect(steps).toBe(1);
  expect(read).toBeLessThan(100);
}, 120_000);

test('a full handler hides thousands of keys, and a slot of it shows one of them', async () => {
  const world = await limitedWorld(home.database, { concurrency: { limit: 1, key } });
  await setLimits(home.database, { scope: 'handler', subject: world.handler }, { concurrency: 5 });
  await ready(world, customers);
  const { steps } = await take(world, home.database);
  expect(steps).toHaveLength(5);
  for (let settled = 0; settled < 8; settled += 1) await take(world, home.database);
  expect(await claimed(world, 100)).toMatchObject({ steps: 0 });
  await end(world, steps.slice(0, 1));
  const { read, steps: next } = await claimed(world, 100);
  expect(next).toBe(1);
  expect(read).toBeLessThan(100);
}, 120_000);

test('thousands of keys whose rate is used up are not looked at before their time', async () => {
  const world = await limitedWorld(home.database, {
    rate: { limit: 1, per: '1h', key },
    default_retry_limit: 2,
  });
  await ready(world, [...customers, ...customers]);
  for (let left = MANY; left > 0; left -= 1000) await take(world, home.database, 1000);
  for (let settled = 0; settled < 12; settled += 1) await take(world, home.database);
  await ready(world, [{ customer: 'new' }]);
  const { steps, read } = await claimed(world, 100);
  expect(steps).toBe(1);
  expect(read).toBeLessThan(100);
}, 240_000);
