// The law in XState against the law in SQL: every pair of state and event, as a question and as an actual write.
import { expect, test } from 'vitest';
import { transition } from 'xstate';
import { stepMachine } from '../../core/machines/step.machine.ts';
import { taskMachine } from '../../core/machines/task.machine.ts';
import { STATES, STEP_EVENTS, TASK_EVENTS, type State } from '../../core/vocabulary.ts';
import { createdWorld, idOf, writeAsRails } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';
import { trailOf, type TrailRow } from '../support/trail.ts';
import { openTransaction, untilBlocked } from '../support/transactions.ts';

const home = testDatabase();

const pairs = <Event extends string>(events: readonly Event[]) =>
  STATES.flatMap((from) => events.map((event) => [from, event] as const));

/** Where XState goes, null when it stays because the move is unlawful. */
const MACHINES = {
  step: (from: State, type: (typeof STEP_EVENTS)[number]) =>
    moved(from, transition(stepMachine, stepMachine.resolveState({ value: from }), { type })[0].value),
  task: (from: State, type: (typeof TASK_EVENTS)[number]) => {
    const snapshot = taskMachine.resolveState({ value: from, context: { unfinished_steps: 0 } });
    return moved(from, transition(taskMachine, snapshot, { type })[0].value);
  },
};
const moved = (from: State, to: unknown) => (to === from ? null : to);

async function nextState(machine: 'step' | 'task', from: State, event: string) {
  const [row] = await home.database.query<{ to_state: State | null }>(
    `select treadle.${machine}_next_state($1, $2) as to_state`,
    [from, event],
  );
  return row?.to_state;
}

/** Sends one event through the writer of states; the ids that moved. */
async function send(kind: 'step' | 'task', id: number, event: string, db = home.database as Sender) {
  const rows = await db.query<{ id: number }>(
    `select id from treadle.transition_${kind}s(array[$1::bigint], array[$2::text], array['{}'::jsonb], treadle.utc_now()) id`,
    [id, event],
  );
  return rows.map((row) => row.id);
}
type Sender = Pick<Awaited<ReturnType<typeof openTransaction>>, 'query'>;

test.each(pairs(STEP_EVENTS))('XState and SQL agree on a step that is %s on %s', async (from, event) => {
  expect(await nextState('step', from, event)).toBe(MACHINES.step(from, event));
});

test.each(pairs(TASK_EVENTS))('XState and SQL agree on a task that is %s on %s', async (from, event) => {
  expect(await nextState('task', from, event)).toBe(MACHINES.task(from, event));
});

/** The row that a lawful move adds; nothing when the move is unlawful. */
function added(from: State, event: string, to: unknown, before: readonly TrailRow[]): unknown[] {
  if (to === null) return [];
  const sort_key = 10 * (before.length + 1);
  return [{ from_state: from, to_state: to, sort_key, most_recent: true, metadata: { event } }];
}

const moves = [
  ...pairs(STEP_EVENTS).map(([from, event]) => ({
    kind: 'step' as const,
    from,
    event,
    to: MACHINES.step(from, event),
  })),
  ...pairs(TASK_EVENTS).map(([from, event]) => ({
    kind: 'task' as const,
    from,
    event,
    to: MACHINES.task(from, event),
  })),
];

test.each(moves)('a $kind that is $from is written to on $event as XState says: $to', async (move) => {
  const { kind, from, event, to } = move;
  const world = await createdWorld(home.database, { a: [] });
  const [what, id] =
    kind === 'task' ? (['task', world.taskId] as const) : (['workflow_step', idOf(world, 'a')] as const);
  if (from !== 'pending') await writeAsRails(home.database, what, id, from);
  const before = await trailOf(home.database, what, id);
  expect(await send(kind, id, event)).toEqual(to === null ? [] : [id]);
  expect(await trailOf(home.database, what, id)).toEqual([
    ...before.map((row) => ({ ...row, most_recent: to === null })),
    ...added(from, event, to, before),
  ]);
});

test('an explicit pending row counts as no row at all', async () => {
  const world = await createdWorld(home.database, { a: [] });
  await writeAsRails(home.database, 'workflow_step', idOf(world, 'a'), 'pending');
  expect(await send('step', idOf(world, 'a'), 'start')).toEqual([idOf(world, 'a')]);
});

test('one call moves many steps and leaves out those whose move is unlawful', async () => {
  const world = await createdWorld(home.database, { a: [], b: [], c: [] });
  const [a = 0, b = 0, c = 0] = Object.values(world.stepIds);
  await writeAsRails(home.database, 'workflow_step', b, 'cancelled');
  const rows = await home.database.query<{ id: number }>(
    `select id from treadle.transition_steps($1, '{start,start,cancel}', array['{}', '{}', '{}']::jsonb[], treadle.utc_now()) id
     order by id`,
    [[a, b, c]],
  );
  expect(rows.map(({ id }) => id)).toEqual([a, c]);
});

test.each(['pending', 'error'])(
  'of two who move the same %s step at once only one succeeds',
  async (from) => {
    const world = await createdWorld(home.database, { a: [] });
    const id = idOf(world, 'a');
    const event = from === 'pending' ? 'start' : 'retry';
    if (from === 'error') await writeAsRails(home.database, 'workflow_step', id, 'error');
    const [first, second] = [await openTransaction(home.database), await openTransaction(home.database)];
    expect(await send('step', id, event, first)).toEqual([id]);
    const late = send('step', id, event, second);
    await untilBlocked(home.database, second.pid);
    await first.commit();
    expect(await late).toEqual([]);
    await second.commit();
    expect((await trailOf(home.database, 'workflow_step', id)).filter((row) => row.most_recent)).toHaveLength(
      1,
    );
  },
);
