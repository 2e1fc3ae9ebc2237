// Claim, record, refresh, start, cancel and all the rest on three connections at once, in every order that fast-check finds:
// no deadlock, nothing lost, nothing doubled. `npm run chaos -- --interleavings 10000` plays more of them.
import { expect, onTestFinished, test } from 'vitest';
import { replay, runInterleavings, type Schedule } from '../support/chaos/schedules.ts';
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
}, 180_000);

/** Counterexamples of before, as they were printed. */
const FOUND: [string, Schedule][] = [
  [
    'a pause that waits for a resume to end holds nothing',
    {
      opening: [
        { kind: 'claim', worker: 0, capacity: 1 },
        { kind: 'claim', worker: 1, capacity: 1 },
      ],
      deeds: [
        [
          { kind: 'retry', nth: 5 },
          { kind: 'resolve by force', nth: 0 },
        ],
        [{ kind: 'pause', task: 0 }, { kind: 'retry', nth: 5 }, { kind: 'resume all' }],
        [
          { kind: 'complete step', worker: 0, nth: 0 },
          { kind: 'claim', worker: 0, capacity: 1 },
          { kind: 'pause', task: 0 },
        ],
      ],
      holds: [
        [{ kind: 'hold', table: 'public.tasker_tasks', nth: 0 }],
        [{ kind: 'hold', table: 'public.tasker_tasks', nth: 0 }],
      ],
      turns: [2, 3, 1, 1, 2, 4, 2, 4, 0, 2, 1, 3, 1, 0, 1],
    },
  ],
  [
    'prune leaves a task alone to whose step a Rails app writes',
    {
      opening: [
        { kind: 'claim', worker: 0, capacity: 1 },
        { kind: 'claim', worker: 1, capacity: 1 },
      ],
      deeds: [
        [
          { kind: 'prune', complete: false },
          { kind: 'record', worker: 0, event: 'complete', delayMs: 0, reversed: false },
          { kind: 'rails resolves', nth: 3 },
          { kind: 'retry', nth: 0 },
        ],
        [{ kind: 'expire' }, { kind: 'settle' }, { kind: 'prune', complete: false }],
        [{ kind: 'claim', worker: 0, capacity: 1 }],
      ],
      holds: [
        [{ kind: 'hold', table: 'public.tasker_tasks', nth: 0 }],
        [{ kind: 'hold', table: 'public.tasker_tasks', nth: 0 }],
      ],
      turns: [2, 2, 3, 0, 0, 1, 1, 0, 0],
    },
  ],
  [
    'a task that a Rails app cancels while it leaves for the Rails engine leaves nothing behind',
    {
      opening: [
        { kind: 'claim', worker: 0, capacity: 1 },
        { kind: 'claim', worker: 1, capacity: 1 },
      ],
      deeds: [
        [
          { kind: 'start', which: 'first' },
          { kind: 'record', worker: 0, event: 'complete', delayMs: 0, reversed: false },
          { kind: 'settle' },
        ],
        [
          { kind: 'rails cancels', nth: 0 },
          { kind: 'choose', engine: 'rails' },
        ],
        [{ kind: 'complete step', worker: 0, nth: 0 }],
      ],
      holds: [
        [{ kind: 'hold', table: 'public.tasker_tasks', nth: 0 }],
        [{ kind: 'hold', table: 'public.tasker_tasks', nth: 0 }],
      ],
      turns: [1, 0, 0, 1, 1, 0],
    },
  ],
];

test.each(FOUND)('%s', async (_what, schedule) => {
  expect(await replay(await database(), schedule)).toEqual([]);
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
    8, // others find it too, after up to some hundred schedules
  ],
  ['tasks that are not locked at all', lockTasks('null;'), /Counterexample/, 3],
])(
  'it finds %s',
  async (_what, mistake, finding, seed) => {
    const broken = await database();
    await broken.query(mistake);
    const found = runInterleavings(broken, { seed, schedules: 1000, shrink: false });
    await expect(
      found.catch((error: Error) => Promise.reject(`${error.message} ${String(error.cause)}`)),
    ).rejects.toMatch(finding);
  },
  180_000,
);
