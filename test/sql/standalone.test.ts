// A function of ours as one plain query says what the function says.
import { expect, test } from 'vitest';
import { readRoutines } from '../../sql/routines.ts';
import { standaloneQuery } from '../../sql/standalone.ts';
import { testDatabase } from '../support/postgres.ts';
import { loadTask, reached } from '../support/rails-database.ts';

const home = testDatabase();
const routines = await readRoutines();

/** Tasks with something wrong in their trail, their columns, their steps and their edges. */
async function plantFaults(): Promise<void> {
  await home.database.transaction(async (tx) => {
    const { stepIds } = await loadTask(
      tx,
      'in_progress',
      reached('error'),
      { in_process: true, attempts: -1 },
      {},
    );
    await tx.query(
      `insert into tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       values ($1, $1, 'needs', now(), now())`,
      [stepIds.get('s2')],
    );
    await tx.query(`update tasker_tasks set context = '[]', bypass_steps = '{}'`);
    await tx.query(
      `update tasker_workflow_step_transitions set metadata = '{"event": "retry"}', sort_key = 90 where not most_recent`,
    );
  });
}

test.each(['broken_trails', 'broken_tasks', 'broken_steps', 'broken_edges'])(
  '%s finds the same',
  async (name) => {
    await plantFaults();
    const query = standaloneQuery(routines, name, ['null::bigint[]']);
    const order = 'order by invariant, subject_id, violation';
    const expected = await home.database.query(`select * from treadle.${name}(null) ${order}`);
    expect(expected.length).toBeGreaterThan(0);
    expect(await home.database.query(`select * from (${query}) q ${order}`)).toEqual(expected);
  },
);

test('it names no function and no table of ours', () => {
  expect(standaloneQuery(routines, 'broken_steps', ['null'])).not.toContain('treadle.');
});

test.each([
  ['start_tasks', /start_tasks: expected/],
  ['broken_claims', /broken_claims: expected a query over tables of Rails only/],
  ['no_such', /expected a function treadle\.no_such, found none/],
])('%s cannot be one and says so', (name, message) => {
  expect(() => standaloneQuery(routines, name, ['null::bigint[]'])).toThrow(message);
});
