// When sweeps happen: each in its time, one at a time, and whatever commits while they do is found by a later one.
import { expect, test } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { sweepTasks } from '../../sql/sweep.ts';
import { createTasks } from '../../sql/tasks.ts';
import { createdWorld, uniqueName, type World } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { GRACE, sweep, troublesOf } from '../support/sweeping.ts';

const home = testDatabase();

test('no sweep begins before it is time, and the answer says when', async () => {
  const options = { ...GRACE, after: 0, everySeconds: 30 };
  expect(await sweepTasks(home.database, { ...options, everySeconds: 0 })).toMatchObject({ swept: true });
  const again = await sweepTasks(home.database, options);
  expect(again.swept).toBe(false);
  expect(again.due_ms).toBeGreaterThan(20_000);
  expect(again.due_ms).toBeLessThanOrEqual(30_000);
});

test('while one process sweeps no other does, and nobody waits', async () => {
  const options = { ...GRACE, after: 0, everySeconds: 0 };
  await home.database.transaction(async (tx) => {
    expect(await sweepTasks(tx, options)).toMatchObject({ swept: true });
    expect(await sweepTasks(home.database, { ...options, everySeconds: 30 })).toMatchObject({
      swept: false,
      due_ms: 30_000,
    });
  });
  expect(await sweepTasks(home.database, options)).toMatchObject({ swept: true });
});

test('a task created by a transaction that commits late is not overlooked', async () => {
  const world = await createdWorld(home.database, { a: [] });
  const create = async (db: Executor): Promise<World> => {
    const row = { identity_hash: uniqueName('late'), context: { order_id: 1 } };
    const [created] = await createTasks(db, world.namedTaskId, [row], { enqueued: true });
    return { ...world, taskId: created?.task_id ?? 0 };
  };
  const late = await home.database.transaction(async (tx) => {
    const created = await create(tx);
    await tx.query('delete from treadle.wakeups where task_id = $1', [created.taskId]);
    await create(home.database); // a greater id, which is seen at once
    await sweep(home.database);
    await sweep(home.database);
    return created;
  });
  await home.database.query('update treadle.sweeps set full_pass_at = 1000000');
  expect(await troublesOf(late)).toEqual(['no_wakeup']);
});
