// One case of rails-vectors.jsonl as rows, and what our functions and view answer to it in the words of the file.
// Everything happens in the caller's transaction, so that "ago" is exact to the microsecond.
import type { Executor } from '../../sql/database.ts';

type Row = Record<string, unknown>;

export interface RailsWorld {
  readonly created_ago: number;
  readonly analytics_since_ago?: number | null;
  readonly steps: readonly ({ readonly key: string; readonly transitions: readonly Row[] } & Row)[];
  readonly edges: readonly (readonly [string, string])[];
  readonly task_transitions: readonly Row[];
}

export interface RailsCase extends RailsWorld {
  readonly id: string;
  readonly note: string;
  readonly defect?: string;
  readonly expect: Readonly<Record<string, unknown>>;
}

/** The ids that a loaded world got. */
export interface LoadedWorld {
  readonly taskId: number;
  readonly stepIds: ReadonlyMap<string, number>;
}

const AGO = (column: string) => `(now() at time zone 'UTC') - ${column} * interval '1 second'`;

/** Inserts a world as one task named `task`/`default`, whose steps are created in the order of the array. */
export async function loadWorld(tx: Executor, world: RailsWorld): Promise<LoadedWorld> {
  const [task] = await tx.query<{ task_id: number }>(
    `
    with namespace as (
      insert into public.tasker_task_namespaces (name, created_at, updated_at)
      values ('default', now(), now())
      on conflict (name) do update set updated_at = now()
      returning task_namespace_id
    ),
    named as (
      insert into public.tasker_named_tasks (name, task_namespace_id, created_at, updated_at)
      select 'task', task_namespace_id, now(), now() from namespace
      on conflict (task_namespace_id, name, version) do update set updated_at = now()
      returning named_task_id
    )
    insert into public.tasker_tasks (named_task_id, requested_at, identity_hash, context, created_at, updated_at)
    select named_task_id, at, gen_random_uuid()::text, '{"a": 1}', at, at
    from named, lateral (select ${AGO('$1::numeric')} as at) created
    returning task_id`,
    [world.created_ago],
  );
  if (!task) throw new Error('no task was inserted');
  const steps = await insertSteps(tx, task.task_id, world);
  const stepIds = new Map(steps.map(({ name, workflow_step_id: id }) => [name, id]));
  const idOf = (key: string): number => {
    const id = stepIds.get(key);
    if (id === undefined) throw new Error(`no step ${key} in this world`);
    return id;
  };
  await insertTransitions(
    tx,
    'workflow_step',
    world.steps.map(({ key, transitions }) => ({ owner: idOf(key), transitions })),
  );
  await insertTransitions(tx, 'task', [{ owner: task.task_id, transitions: world.task_transitions }]);
  await tx.query(
    `
    insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
    select from_id, to_id, 'provides', now(), now()
    from unnest($1::bigint[], $2::bigint[]) as edge (from_id, to_id)`,
    [world.edges.map(([from]) => idOf(from)), world.edges.map(([, to]) => idOf(to))],
  );
  return { taskId: task.task_id, stepIds };
}

async function insertSteps(tx: Executor, taskId: number, world: RailsWorld) {
  const steps = JSON.stringify(world.steps.map((step) => ({ created_ago: world.created_ago, ...step })));
  return tx.query<{ name: string; workflow_step_id: number }>(
    `
    with wanted as (
      select entry ->> 'key' as name, position, entry
      from jsonb_array_elements($2::jsonb) with ordinality as each_step (entry, position)
    ),
    system as (
      insert into public.tasker_dependent_systems (name, created_at, updated_at)
      values ('unknown', now(), now())
      on conflict (name) do update set updated_at = now()
      returning dependent_system_id
    ),
    named as (
      insert into public.tasker_named_steps (dependent_system_id, name, created_at, updated_at)
      select dependent_system_id, wanted.name, now(), now() from system, wanted
      on conflict (dependent_system_id, name) do update set updated_at = now()
      returning named_step_id, name
    ),
    step as (
      insert into public.tasker_workflow_steps (
        task_id, named_step_id, retryable, retry_limit, in_process, processed, attempts,
        backoff_request_seconds, last_attempted_at, created_at, updated_at
      )
      select
        $1, named_step_id, retryable, retry_limit, in_process, processed, attempts,
        backoff_request_seconds, ${AGO('last_attempted_ago')}, ${AGO('created_ago')}, ${AGO('created_ago')}
      from wanted
      join named using (name)
      cross join lateral jsonb_to_record(entry) as field (
        retryable boolean, retry_limit integer, in_process boolean, processed boolean, attempts integer,
        backoff_request_seconds integer, last_attempted_ago numeric, created_ago numeric
      )
      order by position
      returning workflow_step_id, named_step_id
    )
    select named.name, step.workflow_step_id from step join named using (named_step_id)`,
    [taskId, steps],
  );
}

async function insertTransitions(
  tx: Executor,
  kind: 'task' | 'workflow_step',
  owners: readonly { readonly owner: number; readonly transitions: readonly Row[] }[],
): Promise<void> {
  const rows = owners.flatMap(({ owner, transitions }) =>
    transitions.map((row, index) => ({
      most_recent: index === transitions.length - 1,
      metadata: {},
      ...row,
      owner,
      sort_key: (index + 1) * 10,
    })),
  );
  await tx.query(
    `
    insert into public.tasker_${kind}_transitions (
      ${kind}_id, to_state, metadata, sort_key, most_recent, created_at, updated_at
    )
    select owner, to_state, metadata, sort_key, most_recent, ${AGO('ago')}, ${AGO('ago')}
    from jsonb_to_recordset($1) as row (
      owner bigint, to_state text, metadata jsonb, sort_key integer, most_recent boolean, ago numeric
    )`,
    [JSON.stringify(rows)],
  );
}

/** Asks what the case expects, through the single and the batch form of each function. */
export async function askWorld(
  tx: Executor,
  world: RailsWorld,
  { taskId, stepIds }: LoadedWorld,
  questions: readonly string[],
  healthBefore: Row | undefined,
): Promise<Record<string, unknown>> {
  const keys = new Map([...stepIds].map(([key, id]) => [id, key]));
  const answers: Record<string, unknown> = {
    readiness: await tx.query(`${READINESS} from public.get_step_readiness_status($1) r ${IN_STEP_ORDER}`, [
      taskId,
    ]),
    readiness_batch: await tx.query(
      `${READINESS} from public.get_step_readiness_status_batch(array[$1::bigint]) r ${IN_STEP_ORDER}`,
      [taskId],
    ),
    context: (await tx.query(`${CONTEXT} from public.get_task_execution_context($1)`, [taskId]))[0],
    context_batch: (
      await tx.query(`${CONTEXT} from public.get_task_execution_contexts_batch(array[$1::bigint])`, [taskId])
    )[0],
    levels: (
      await tx.query<{ id: number; level: number }>(
        'select workflow_step_id as id, dependency_level as level from public.calculate_dependency_levels($1)',
        [taskId],
      )
    ).map(({ id, level }) => ({ key: keys.get(id), level })),
    dag: await askDag(tx, taskId, keys),
  };
  if (questions.includes('health')) answers['health'] = growth(healthBefore ?? {}, await askHealth(tx));
  if (questions.includes('slowest_tasks')) answers['slowest_tasks'] = await askSlowest(tx, 'tasks');
  if (questions.includes('slowest_steps')) answers['slowest_steps'] = await askSlowest(tx, 'steps');
  if (questions.includes('analytics')) answers['analytics'] = await askAnalytics(tx, world);
  return answers;
}

/** Every counter of the health function but those of connections. */
export async function askHealth(tx: Executor): Promise<Row> {
  const [health] = await tx.query<Row>(
    `select to_jsonb(h) - 'active_connections' - 'max_connections' as counts from public.get_system_health_counts_v01() h`,
  );
  return health?.['counts'] as Row;
}

const READINESS = `
  select n.name as key, r.current_state, r.dependencies_satisfied, r.retry_eligible, r.ready_for_execution,
    r.total_parents, r.completed_parents, r.attempts, r.retry_limit, r.last_failure_at is not null as has_last_failure,
    extract(epoch from r.next_retry_at - (now() at time zone 'UTC'))::float as next_retry_in`;
const IN_STEP_ORDER = `join public.tasker_named_steps n using (named_step_id) order by r.workflow_step_id`;
const CONTEXT = `
  select status, total_steps, pending_steps, in_progress_steps, completed_steps, failed_steps, ready_steps,
    execution_status, recommended_action, completion_percentage, health_status`;

async function askDag(tx: Executor, taskId: number, keys: ReadonlyMap<number, string>): Promise<Row[]> {
  const rows = await tx.query<{
    workflow_step_id: number;
    parent_step_ids: number[];
    child_step_ids: number[];
    parent_count: number;
    child_count: number;
    is_root_step: boolean;
    is_leaf_step: boolean;
    min_depth_from_root: number | null;
  }>('select * from public.tasker_step_dag_relationships where task_id = $1 order by workflow_step_id', [
    taskId,
  ]);
  return rows.map((row) => {
    if (row.parent_count !== row.parent_step_ids.length || row.child_count !== row.child_step_ids.length) {
      throw new Error(`counts of step ${row.workflow_step_id} are not the lengths of its arrays`);
    }
    return {
      key: keys.get(row.workflow_step_id),
      parent_keys: row.parent_step_ids.map((id) => keys.get(id)),
      child_keys: row.child_step_ids.map((id) => keys.get(id)),
      is_root: row.is_root_step,
      is_leaf: row.is_leaf_step,
      min_depth: row.min_depth_from_root,
    };
  });
}

async function askAnalytics(tx: Executor, world: RailsWorld): Promise<Row> {
  const [row] = await tx.query<{ metrics: Row }>(
    `
    select to_jsonb(m) - 'analysis_period_start' - 'calculated_at'
      || jsonb_build_object('analysis_period_start_ago', extract(epoch from now() - m.analysis_period_start)) as metrics
    from public.get_analytics_metrics_v01(now() - $1::numeric * interval '1 second') m`,
    [world.analytics_since_ago ?? null],
  );
  return row?.metrics ?? {};
}

/** The answer without ids; times as seconds ago. */
async function askSlowest(tx: Executor, what: 'tasks' | 'steps'): Promise<Row[]> {
  const rows = await tx.query<{ row: Row }>(`
    select to_jsonb(s) - '{task_id,workflow_step_id,created_at,completed_at}'::text[] || jsonb_build_object(
      'created_ago', extract(epoch from now() - s.created_at),
      'completed_ago', extract(epoch from now() - s.completed_at)
    ) as row
    from public.get_slowest_${what}_v01() s`);
  return rows.map(({ row }) => row);
}

function growth(before: Row, after: Row): Row {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, Number(value) - Number(before[name] ?? 0)]),
  );
}
