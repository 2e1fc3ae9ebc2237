// treadle.check_invariants finds whatever is planted, names it, and is silent about all that Treadle itself has written.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkInvariants } from '../../sql/invariants.ts';
import { carryOut, claim, completed, failed, idOf, record, startedWorld } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();

const SHAPE = { a: [], b: ['a'], c: ['a', 'b'] };

/** A task with a step of every kind of state. */
async function world() {
  const made = await startedWorld(home.database, SHAPE);
  await carryOut(made, 'a');
  await claim(made);
  await record(made, failed(made, 'b'));
  return made;
}
type World = Awaited<ReturnType<typeof world>>;

async function broken(made: World): Promise<string[]> {
  const found = await checkInvariants(home.database, [made.taskId]);
  return [...new Set(found.map(({ invariant }) => invariant))];
}

test('what Treadle has written breaks nothing', async () => {
  const made = await world();
  expect(await broken(made)).toEqual([]);
});

test('a task that is complete breaks nothing', async () => {
  const made = await startedWorld(home.database, SHAPE);
  for (const step of ['a', 'b', 'c']) await carryOut(made, step);
  expect(await broken(made)).toEqual([]);
});

test.each<[string, (made: World) => readonly [string, readonly unknown[]]]>([
  [
    'trail_order',
    (made) => [
      `update public.tasker_workflow_step_transitions set sort_key = sort_key + 1000
       where workflow_step_id = $1 and not most_recent`,
      [idOf(made, 'a')],
    ],
  ],
  [
    'known_states',
    (made) => [
      `update public.tasker_task_transitions set to_state = 'lost' where task_id = $1 and most_recent`,
      [made.taskId],
    ],
  ],
  [
    'metadata_object',
    (made) => [
      `update public.tasker_workflow_step_transitions set metadata = '[]' where workflow_step_id = $1`,
      [idOf(made, 'a')],
    ],
  ],
  [
    'trail_chain',
    (made) => [
      `update public.tasker_workflow_step_transitions set from_state = 'error'
       where workflow_step_id = $1 and most_recent`,
      [idOf(made, 'a')],
    ],
  ],
  [
    'lawful_moves',
    (made) => [
      `update public.tasker_workflow_step_transitions set to_state = 'cancelled'
       where workflow_step_id = $1 and most_recent`,
      [idOf(made, 'a')],
    ],
  ],
  [
    'context_object',
    (made) => [`update public.tasker_tasks set context = '{}' where task_id = $1`, [made.taskId]],
  ],
  [
    'bypass_list',
    (made) => [`update public.tasker_tasks set bypass_steps = '{}' where task_id = $1`, [made.taskId]],
  ],
  [
    'complete_columns',
    (made) => [
      `update public.tasker_workflow_steps set processed = false where workflow_step_id = $1`,
      [idOf(made, 'a')],
    ],
  ],
  [
    'error_columns',
    (made) => [
      `update public.tasker_workflow_steps set results = '{}' where workflow_step_id = $1`,
      [idOf(made, 'b')],
    ],
  ],
  [
    'attempts_counted',
    (made) => [
      `update public.tasker_workflow_steps set attempts = null where workflow_step_id = $1`,
      [idOf(made, 'c')],
    ],
  ],
  [
    'in_process_cleared',
    (made) => [
      `update public.tasker_workflow_steps set in_process = true where workflow_step_id = $1`,
      [idOf(made, 'c')],
    ],
  ],
  [
    'step_names',
    (made) => [
      `update public.tasker_workflow_steps set named_step_id =
         (select named_step_id from public.tasker_workflow_steps where workflow_step_id = $1)
       where workflow_step_id = $2`,
      [idOf(made, 'b'), idOf(made, 'c')],
    ],
  ],
  [
    'edge_pairs',
    (made) => [
      `insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       values ($1, $2, 'provides', now(), now())`,
      [idOf(made, 'a'), idOf(made, 'b')],
    ],
  ],
  [
    'edge_names',
    (made) => [
      `update public.tasker_workflow_step_edges set name = 'needs' where from_step_id = $1`,
      [idOf(made, 'a')],
    ],
  ],
  [
    'acyclic',
    (made) => [
      `insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
       values ($1, $2, 'provides', now(), now())`,
      [idOf(made, 'c'), idOf(made, 'a')],
    ],
  ],
])('%s is found where it is broken', async (invariant, breakIt) => {
  const made = await world();
  const [text, values] = breakIt(made);
  await home.database.query(text, values);
  expect(await broken(made)).toContain(invariant);
});

test('an edge into another task is found', async () => {
  const [made, other] = [await world(), await world()];
  await home.database.query(
    `insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
     values ($1, $2, 'provides', now(), now())`,
    [idOf(made, 'c'), idOf(other, 'a')],
  );
  expect(await broken(made)).toEqual(['edges_inside']);
});

test('a task that is complete before its steps is found, with the step', async () => {
  const made = await startedWorld(home.database, { a: [], b: ['a'] });
  await carryOut(made, 'a');
  await carryOut(made, 'b');
  await home.database.query(
    `update public.tasker_workflow_step_transitions set to_state = 'error' where workflow_step_id = $1 and most_recent`,
    [idOf(made, 'b')],
  );
  const found = await checkInvariants(home.database, [made.taskId]);
  expect(found).toContainEqual({
    invariant: 'task_complete',
    subject: 'task',
    subject_id: made.taskId,
    task_id: made.taskId,
    violation: `complete, but step ${idOf(made, 'b')} is error`,
  });
});

test('a step that is claimed and offered at once is found', async () => {
  const made = await startedWorld(home.database, { a: [] });
  await claim(made);
  await home.database.query(
    `insert into treadle.ready_steps (workflow_step_id, task_id, handler, priority, held) values ($1, $2, 'x', 0, false)`,
    [idOf(made, 'a'), made.taskId],
  );
  expect(await broken(made)).toContain('claimed_once');
  await record(made, completed(made, 'a'));
});

const STEPS = ['a', 'b', 'c', 'd', 'e'];

/** Whether these edges lead in a circle: what has no parent left is taken away until nothing can be. */
function isCircular(edges: readonly (readonly [number, number])[]): boolean {
  const rest = edges.filter(([, to]) => edges.some(([from]) => from === to));
  if (rest.length < edges.length) return isCircular(rest);
  return edges.length > 0;
}

test('a circle is found where there is one, and nowhere else', async () => {
  const step = fc.nat({ max: STEPS.length - 1 });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(step, step), { selector: String, maxLength: 7 }),
      async (edges) => {
        const made = await startedWorld(home.database, Object.fromEntries(STEPS.map((name) => [name, []])));
        const ids = STEPS.map((name) => idOf(made, name));
        await home.database.query(
          `insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
         select f, t, 'provides', now(), now() from unnest($1::bigint[], $2::bigint[]) as e (f, t)`,
          [edges.map(([from]) => ids[from]), edges.map(([, to]) => ids[to])],
        );
        expect(await broken(made)).toEqual(isCircular(edges) ? ['acyclic'] : []);
      },
    ),
    { numRuns: 60 },
  );
});
