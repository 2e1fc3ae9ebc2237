// What our versions of the Rails functions do beyond the measured answers: instants of their own, size, filters.
import { describe, expect, it } from 'vitest';
import type { Executor } from '../../sql/database.ts';
import { testDatabase } from '../support/postgres.ts';
import { loadWorld, type LoadedWorld, type RailsWorld } from '../support/rails-world.ts';
import { inRolledBackTransaction } from '../support/rolled-back.ts';

const test = testDatabase();

type StepFields = Partial<RailsWorld['steps'][number]> & Record<string, unknown>;

function step(key: string, fields: StepFields = {}): RailsWorld['steps'][number] {
  return {
    retryable: true,
    retry_limit: 3,
    in_process: false,
    processed: false,
    attempts: 0,
    backoff_request_seconds: null,
    last_attempted_ago: null,
    transitions: [],
    ...fields,
    key,
  };
}

function world(steps: RailsWorld['steps'], edges: RailsWorld['edges'] = []): RailsWorld {
  return { created_ago: 600, steps, edges, task_transitions: [{ to_state: 'in_progress', ago: 300 }] };
}

/** `layers` times `width` steps, each below every step of the layer above, or below `parents` of them. */
function layered(layers: number, width: number, parents = width): RailsWorld {
  const key = (layer: number, place: number) => `l${layer}_${place % width}`;
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => index);
  const places = numbers(layers).flatMap((layer) => numbers(width).map((place) => ({ layer, place })));
  return world(
    places.map(({ layer, place }) => step(key(layer, place))),
    places
      .filter(({ layer }) => layer > 0)
      .flatMap(({ layer, place }) =>
        numbers(parents).map((next) => [key(layer - 1, place + next), key(layer, place)] as const),
      ),
  );
}

/** Asks in a transaction that holds one world; a query that takes as long as enumerating paths would is cut off. */
async function ask<Row extends object>(
  given: RailsWorld,
  question: (tx: Executor, loaded: LoadedWorld) => Promise<Row[]>,
  timeZone = 'UTC',
): Promise<Row[]> {
  return inRolledBackTransaction(test.database, async (tx) => {
    await tx.query(`select set_config('timezone', $1, true)`, [timeZone]);
    const loaded = await loadWorld(tx, given);
    await tx.query(`set local statement_timeout = '3s'`);
    return question(tx, loaded);
  });
}

const failed = (metadata: Record<string, unknown>, fields: StepFields = {}) =>
  step('a', {
    attempts: 1,
    transitions: [
      { to_state: 'in_progress', ago: 12 },
      { to_state: 'error', ago: 10, metadata },
    ],
    ...fields,
  });

async function readinessOf(a: RailsWorld['steps'][number], timeZone = 'UTC') {
  const [row] = await ask<{ ready: boolean; next: Date | null }>(
    world([a]),
    (tx, { taskId }) =>
      tx.query(
        'select ready_for_execution as ready, next_retry_at as next from public.get_step_readiness_status($1)',
        [taskId],
      ),
    timeZone,
  );
  return row;
}

describe('backoff_until in the metadata of the current error', () => {
  it('holds a step whose Rails back-off has long passed, to the millisecond', async () => {
    const until = '2999-01-01T00:00:00.123Z';
    expect(await readinessOf(failed({ backoff_until: until }), 'Asia/Tokyo')).toEqual({
      ready: false,
      next: new Date(until),
    });
  });

  it('releases a step although both terms of the Rails back-off still hold it', async () => {
    const until = '2001-01-01T00:00:00Z';
    const a = failed(
      { backoff_until: until },
      { attempts: 2, retry_limit: 9, backoff_request_seconds: 3600, last_attempted_ago: 10 },
    );
    expect(await readinessOf(a, 'America/New_York')).toEqual({ ready: true, next: new Date(until) });
  });

  it.each(['soon', '2999-01-01', '2999-01-01T00:00:00', 17, null])(
    'is ignored when it is %j, which is no instant',
    async (backoff_until) => {
      expect(await readinessOf(failed({ backoff_until }))).toMatchObject({ ready: true });
    },
  );

  it('says nothing once the step has left the error', async () => {
    const a = failed({});
    const transitions = [
      { to_state: 'error', ago: 10, metadata: { backoff_until: '2999-01-01T00:00:00Z' } },
      { to_state: 'pending', ago: 5 },
    ];
    expect(await readinessOf({ ...a, transitions })).toEqual({ ready: true, next: null });
  });
});

describe('a step that is not retryable', () => {
  it.each([
    ['pending and never attempted', step('a', { retryable: false }), true],
    [
      'pending and never attempted, without attempts allowed',
      step('a', { retryable: false, retry_limit: 0 }),
      false,
    ],
    ['pending after one attempt', step('a', { retryable: false, attempts: 1 }), false],
    ['failed', failed({}, { retryable: false }), false],
    ['failed before an attempt was counted', failed({}, { retryable: false, attempts: 0 }), false],
  ])('%s: ready is %s', async (_, a, ready) => {
    expect(await readinessOf(a)).toMatchObject({ ready });
  });
});

describe('get_step_readiness_status', () => {
  it('of some steps still counts the parents outside them', async () => {
    const rows = await ask(world([step('a'), step('b')], [['a', 'b']]), (tx, { taskId, stepIds }) =>
      tx.query('select name, total_parents from public.get_step_readiness_status($1, $2)', [
        taskId,
        [stepIds.get('b')],
      ]),
    );
    expect(rows).toEqual([{ name: 'b', total_parents: 1 }]);
  });

  it('of an unknown task and of no tasks has no rows', async () => {
    expect(await test.database.query('select * from public.get_step_readiness_status(-1)')).toEqual([]);
    expect(await test.database.query(`select * from public.get_step_readiness_status_batch('{}')`)).toEqual(
      [],
    );
    expect(await test.database.query('select * from public.get_step_readiness_status_batch(null)')).toEqual(
      [],
    );
  });
});

describe('get_task_execution_contexts_batch', () => {
  it('has a row of zeros for a task without steps, and none for an unknown task', async () => {
    const rows = await ask(world([]), (tx, { taskId }) =>
      tx.query('select * from public.get_task_execution_contexts_batch($1)', [[taskId, -1, taskId]]),
    );
    expect(rows).toMatchObject([
      { total_steps: 0, completion_percentage: '0.0', execution_status: 'waiting_for_dependencies' },
    ]);
  });

  it('waits while somebody holds a step, its last attempt, beside a cancelled one', async () => {
    const rows = await ask(
      world([
        step('a', { transitions: [{ to_state: 'cancelled', ago: 9 }] }),
        step('b', { in_process: true, attempts: 3 }),
      ]),
      (tx, { taskId }) => tx.query('select * from public.get_task_execution_context($1)', [taskId]),
    );
    expect(rows).toMatchObject([{ execution_status: 'waiting_for_dependencies', health_status: 'healthy' }]);
  });
});

describe('calculate_dependency_levels', () => {
  it.each([
    ['a ladder of 40 steps with half a million paths', layered(20, 2), 20],
    ['10,000 steps in 100 layers', layered(100, 100, 3), 100],
    ['a chain of 2,000 steps', layered(2000, 1), 2000],
  ])('answers for %s', async (_, given, layers) => {
    const rows = await ask<{ key: string; level: number }>(given, (tx, { taskId }) =>
      tx.query(
        `
        select n.name as key, l.dependency_level as level
        from public.calculate_dependency_levels($1) l
        join public.tasker_workflow_steps using (workflow_step_id)
        join public.tasker_named_steps n using (named_step_id)`,
        [taskId],
      ),
    );
    expect(rows).toHaveLength(given.steps.length);
    expect(rows.filter(({ key, level }) => !key.startsWith(`l${level}_`))).toEqual([]);
    expect(Math.max(...rows.map(({ level }) => level))).toBe(layers - 1);
  });

  it('leaves out the steps in a cycle and after it, and keeps the rest', async () => {
    const keys = ['root', 'free', 'in1', 'in2', 'after'];
    const edges = [
      ['root', 'free'],
      ['root', 'in1'],
      ['in1', 'in2'],
      ['in2', 'in1'],
      ['in2', 'after'],
    ] as const;
    const given = world(
      keys.map((key) => step(key)),
      edges,
    );
    const rows = await ask<{ id: number; level: number }>(given, async (tx, { taskId, stepIds }) => {
      const levels = await tx.query<{ workflow_step_id: number; dependency_level: number }>(
        'select * from public.calculate_dependency_levels($1)',
        [taskId],
      );
      return levels.map(({ workflow_step_id: id, dependency_level: level }) => ({
        key: keys.find((key) => stepIds.get(key) === id),
        id,
        level,
      }));
    });
    expect(rows).toMatchObject([
      { key: 'root', level: 0 },
      { key: 'free', level: 1 },
    ]);
  });
});

describe('tasker_step_dag_relationships', () => {
  it('finds the nearest root through a ladder, and gives up beyond 50', async () => {
    const rows = await ask<{ depth: number | null; steps: number }>(layered(60, 2), (tx, { taskId }) =>
      tx.query(
        `
        select min_depth_from_root as depth, count(*) as steps
        from public.tasker_step_dag_relationships
        where task_id = $1
        group by 1
        order by 1`,
        [taskId],
      ),
    );
    const depths = Array.from({ length: 51 }, (_, depth) => ({ depth, steps: 2 }));
    expect(rows).toEqual([...depths, { depth: null, steps: 18 }]);
  });

  it('answers for one step of a large task, and for a cycle', async () => {
    const cyclic = { ...layered(3, 2), edges: [...layered(3, 2).edges, ['l2_0', 'l1_0']] } as RailsWorld;
    const rows = await ask(cyclic, (tx, { stepIds }) =>
      tx.query(
        `
        select parent_count, child_count, is_root_step, is_leaf_step, min_depth_from_root
        from public.tasker_step_dag_relationships
        where workflow_step_id = $1`,
        [stepIds.get('l1_0')],
      ),
    );
    expect(rows).toEqual([
      { parent_count: 3, child_count: 2, is_root_step: false, is_leaf_step: false, min_depth_from_root: 1 },
    ]);
  });
});

describe('get_slowest_*', () => {
  const done = (ago: number) => ({
    attempts: 1,
    processed: true,
    transitions: [{ to_state: 'complete', ago }],
  });
  const given = world([step('a', done(500)), step('b', done(100)), step('c', done(300)), step('d')]);

  it('orders steps by duration, longest first, up to the limit', async () => {
    const rows = await ask(given, (tx) =>
      tx.query(
        'select step_name, duration_seconds::float as seconds from public.get_slowest_steps_v01(null, 2)',
      ),
    );
    expect(rows).toEqual([
      { step_name: 'b', seconds: 500 },
      { step_name: 'c', seconds: 300 },
    ]);
  });

  it('measures a task to its last finished step, in UTC whatever the session says', async () => {
    const rows = await ask(
      given,
      (tx) =>
        tx.query(`
          select step_count, completed_steps, error_steps, duration_seconds::float as seconds,
            extract(epoch from now() - created_at)::float as created_ago
          from public.get_slowest_tasks_v01()`),
      'Asia/Tokyo',
    );
    expect(rows).toEqual([
      { step_count: 4, completed_steps: 3, error_steps: 0, seconds: 500, created_ago: 600 },
    ]);
  });

  it.each(['tasks', 'steps'])('of %s keep to the period and to every filter', async (what) => {
    const counts = await ask<{ rows: number }>(given, async (tx) => {
      const asked = [
        `now() - interval '601 seconds', 10, 'default', 'task', '0.1.0'`,
        `now() - interval '599 seconds'`,
        `null, 10, 'other'`,
        `null, 10, null, 'other'`,
        `null, 10, null, null, '9.9.9'`,
      ];
      const counted = asked.map((some) => `(select count(*) from public.get_slowest_${what}_v01(${some}))`);
      return tx.query(`select unnest(array[${counted.join(', ')}]) as rows`);
    });
    expect(counts.map(({ rows }) => rows)).toEqual([what === 'tasks' ? 1 : 3, 0, 0, 0, 0]);
  });
});

describe('get_system_health_counts_v01', () => {
  it('knows the connections of this database', async () => {
    const [counts] = await test.database.query<{ active: number; most: number }>(
      'select active_connections as active, max_connections as most from public.get_system_health_counts_v01()',
    );
    expect(counts?.active).toBeGreaterThanOrEqual(1);
    expect(counts?.most).toBeGreaterThan(1);
  });
});
