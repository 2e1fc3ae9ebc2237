// Tasks and steps as the REST API of the Rails engine shows them. Documents cross as the text that Postgres makes of them, so that no digit is
// lost on the way.
import type { State } from '../core/vocabulary.ts';
import type { JsonObject } from '../core/json.ts';
import type { Executor } from './database.ts';

/** By what lists of tasks may be sorted. */
export const TASK_ORDERS = {
  task_id: 't.task_id',
  requested_at: 't.requested_at',
  created_at: 't.created_at',
  updated_at: 't.updated_at',
  name: 'n.name',
  initiator: 't.initiator',
  source_system: 't.source_system',
} as const;
export type TaskOrder = keyof typeof TASK_ORDERS;

export interface RestTaskPage {
  /** Undefined: any. */
  readonly namespaces: readonly string[] | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly status: State | undefined;
  /** ISO-8601; tasks that were requested from then on. */
  readonly since: string | undefined;
  readonly limit: number;
  readonly offset: number;
  readonly sort_by: TaskOrder;
  readonly sort_order: 'asc' | 'desc';
}

/** JSON text of each task, in the order that was asked for. */
export async function restTasks(db: Executor, page: RestTaskPage): Promise<string[]> {
  const order = `${TASK_ORDERS[page.sort_by]} ${page.sort_order}, t.task_id ${page.sort_order}`;
  const rows = await db.query<{ document: string }>(
    `select d.document::text as document
     from treadle.rest_tasks(array(select t.task_id ${matching} order by ${order} limit $6 offset $7)) d`,
    [...filters(page), page.limit, page.offset],
  );
  return rows.map(({ document }) => document);
}

/** How many there are in all. */
export async function countRestTasks(db: Executor, page: RestTaskPage): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    `select count(*)::integer as count ${matching}`,
    filters(page),
  );
  return row?.count ?? 0;
}

const matching = `
  from public.tasker_tasks t
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where ($1::text[] is null or s.name = any ($1))
    and ($2::text is null or n.name = $2)
    and ($3::text is null or n.version = $3)
    and ($4::text is null or coalesce(c.to_state, 'pending') = $4)
    and ($5::timestamptz is null or t.requested_at >= $5::timestamptz at time zone 'UTC')`;

function filters({ namespaces, name, version, status, since }: RestTaskPage): unknown[] {
  return [namespaces ?? null, name ?? null, version ?? null, status ?? null, since ?? null];
}

/** JSON text; undefined when there is no such task. */
export async function restTask(db: Executor, taskId: number): Promise<string | undefined> {
  const [row] = await db.query<{ document: string }>(
    'select d.document::text as document from treadle.rest_tasks(array[$1::bigint]) d',
    [taskId],
  );
  return row?.document;
}

/** JSON text of the steps of a task, oldest first. */
export async function restSteps(
  db: Executor,
  taskId: number,
  page: { readonly limit: number; readonly offset: number },
): Promise<string[]> {
  const rows = await db.query<{ document: string }>(
    `select d.document::text as document
     from treadle.rest_steps(array(
       select s.workflow_step_id from public.tasker_workflow_steps s
       where s.task_id = $1 order by s.workflow_step_id limit $2 offset $3
     )) d`,
    [taskId, page.limit, page.offset],
  );
  return rows.map(({ document }) => document);
}

/** JSON text; undefined when the task has no such step. */
export async function restStep(db: Executor, taskId: number, stepId: number): Promise<string | undefined> {
  const [row] = await db.query<{ document: string }>(
    'select d.document::text as document from treadle.rest_steps(array[$2::bigint]) d where d.task_id = $1',
    [taskId, stepId],
  );
  return row?.document;
}

export interface TaskChange {
  readonly reason?: string | undefined;
  readonly tags?: readonly string[] | undefined;
}

/** What is left out stays. False when there is no such task. */
export async function updateTask(
  db: Executor,
  taskId: number,
  { reason, tags }: TaskChange,
): Promise<boolean> {
  const rows = await db.query(
    `update public.tasker_tasks
     set reason = coalesce($2, reason), tags = coalesce($3::jsonb, tags), updated_at = treadle.utc_now()
     where task_id = $1
     returning task_id`,
    [taskId, reason ?? null, tags === undefined ? null : JSON.stringify(tags)],
  );
  return rows.length > 0;
}

export interface StepChange {
  readonly retry_limit?: number | undefined;
  readonly inputs?: JsonObject | undefined;
}

/** The change triggers tell the engines: a step that has attempts again goes on. False when the task has no such step. */
export async function updateStep(
  db: Executor,
  taskId: number,
  stepId: number,
  { retry_limit, inputs }: StepChange,
): Promise<boolean> {
  const rows = await db.query(
    `update public.tasker_workflow_steps
     set retry_limit = coalesce($3, retry_limit), inputs = coalesce($4::jsonb, inputs), updated_at = treadle.utc_now()
     where workflow_step_id = $2 and task_id = $1
     returning workflow_step_id`,
    [taskId, stepId, retry_limit ?? null, inputs === undefined ? null : JSON.stringify(inputs)],
  );
  return rows.length > 0;
}

/** Its state before; undefined when the task has no such step. Throws `unlawful_transition`. */
export async function cancelStep(
  db: Executor,
  taskId: number,
  stepId: number,
  by: string,
): Promise<State | undefined> {
  const [row] = await db.query<{ state: State | null }>(
    'select treadle.cancel_step_as_rails($1, $2, $3) as state',
    [taskId, stepId, by],
  );
  return row?.state ?? undefined;
}

/** The row of get_system_health_counts_v01. */
export interface HealthCounts {
  readonly [column: string]: number;
}

export async function healthCounts(db: Executor): Promise<HealthCounts> {
  const [row] = await db.query<HealthCounts>('select * from public.get_system_health_counts_v01()');
  return row ?? {};
}

/** The row of get_analytics_metrics_v01 for the last so many hours. Numerics are numbers. */
export async function analyticsMetrics(db: Executor, hours: number): Promise<Record<string, number>> {
  const [row] = await db.query<{ metrics: Record<string, number> }>(
    `select to_jsonb(m) - 'analysis_period_start' - 'calculated_at' as metrics
     from public.get_analytics_metrics_v01(now() - make_interval(hours => $1)) m`,
    [hours],
  );
  return row?.metrics ?? {};
}

export interface SlowestOptions {
  readonly hours: number;
  readonly limit: number;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
}

/** JSON text of a list each: the slowest tasks and steps of the last so many hours. */
export async function slowest(
  db: Executor,
  { hours, limit, namespace, name, version }: SlowestOptions,
): Promise<{ tasks: string; steps: string }> {
  const [row] = await db.query<{ tasks: string; steps: string }>(
    `select
       (select coalesce(json_agg(t), '[]')::text
        from public.get_slowest_tasks_v01(now() - make_interval(hours => $1), $2, $3, $4, $5) t) as tasks,
       (select coalesce(json_agg(s), '[]')::text
        from public.get_slowest_steps_v01(now() - make_interval(hours => $1), $2, $3, $4, $5) s) as steps`,
    [hours, limit, namespace ?? null, name ?? null, version ?? null],
  );
  return row ?? { tasks: '[]', steps: '[]' };
}
