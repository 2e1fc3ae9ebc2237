// Claim, record, refresh, start, cancel and all the rest on three connections at once, in every order that fast-check finds:
// no deadlock, nothing lost, nothing doubled. `npm run chaos -- --interleavings 10000` plays more of them.
import { expect, onTestFinished, test } from 'vitest';
import { runInterleavings } from '../support/chaos/schedules.ts';
import { createTestDatabase } from '../support/postgres.ts';

async function database() {
  const made = await createTestDatabase();
  onTestFinished(made.drop);
  return made.database;
}

test('no interleaving of three connections deadlocks, loses a step or does one twice', async () => {
  const tally = await runInterleavings(await database(), { seed: 3, schedules: 200 });
  expect(tally.schedules).toBe(200);
  expect(tally.waits, 'else nothing was interleaved').toBeGreaterThan(100);
});

const lockTasks = (body: string): string => `
  create or replace function treadle.lock_tasks(p_task_ids bigint[]) returns void
  language plpgsql
  as $$
  declare
    v_id bigint;
  begin
    ${body}
  end
  $$`;

test.each([
  [
    'tasks that are locked in the order of the call',
    lockTasks(`
      foreach v_id in array p_task_ids loop
        perform from public.tasker_tasks where task_id = v_id for no key update;
      end loop;`),
    /deadlock detected/,
  ],
  ['tasks that are not locked at all', lockTasks('null;'), /Counterexample/],
])('it finds %s', async (_what, mistake, finding) => {
  const broken = await database();
  await broken.query(mistake);
  const found = runInterleavings(broken, { seed: 3, schedules: 1000, shrink: false });
  await expect(
    found.catch((error: Error) => Promise.reject(`${error.message} ${String(error.cause)}`)),
  ).rejects.toMatch(finding);
});
