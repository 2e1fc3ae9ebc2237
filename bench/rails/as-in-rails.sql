-- The view and the functions of the Rails engine Tasker 0.1.0 that look at the whole database, in a schema of their own beside ours.
-- Written from the description of what they do, not copied: whole-database aggregates joined to every step, a recursion
-- over every path from every root, and counts over joins of all rows. A test holds their answers to those of the engine.
create schema as_in_rails;
set local search_path = as_in_rails, public;

create view tasker_step_dag_relationships as
select
  step.workflow_step_id,
  step.task_id,
  step.named_step_id,
  coalesce(above.ids, '[]') as parent_step_ids,
  coalesce(below.ids, '[]') as child_step_ids,
  coalesce(above.total, 0) as parent_count,
  coalesce(below.total, 0) as child_count,
  coalesce(above.total, 0) = 0 as is_root_step,
  coalesce(below.total, 0) = 0 as is_leaf_step,
  nearest.depth as min_depth_from_root
from tasker_workflow_steps step
left join (
  select to_step_id, jsonb_agg(from_step_id order by from_step_id) as ids, count(*) as total
  from tasker_workflow_step_edges
  group by to_step_id
) above on above.to_step_id = step.workflow_step_id
left join (
  select from_step_id, jsonb_agg(to_step_id order by to_step_id) as ids, count(*) as total
  from tasker_workflow_step_edges
  group by from_step_id
) below on below.from_step_id = step.workflow_step_id
left join (
  with recursive walked (step_id, depth) as (
    select root.workflow_step_id, 0
    from tasker_workflow_steps root
    where not exists (select from tasker_workflow_step_edges e where e.to_step_id = root.workflow_step_id)
    union all
    select e.to_step_id, w.depth + 1
    from walked w
    join tasker_workflow_step_edges e on e.from_step_id = w.step_id
    where w.depth < 50
  )
  select step_id, min(depth) as depth
  from walked
  group by step_id
) nearest on nearest.step_id = step.workflow_step_id;

create function get_system_health_counts_v01()
returns table (
  total_tasks bigint, pending_tasks bigint, in_progress_tasks bigint, complete_tasks bigint, error_tasks bigint,
  cancelled_tasks bigint, total_steps bigint, pending_steps bigint, in_progress_steps bigint, complete_steps bigint,
  error_steps bigint, retryable_error_steps bigint, exhausted_retry_steps bigint, in_backoff_steps bigint,
  active_connections bigint, max_connections bigint
)
language plpgsql
stable
as $$
begin
  return query
  with task as (
    select
      count(*) as total,
      count(*) filter (where now_in.to_state = 'pending') as pending,
      count(*) filter (where now_in.to_state = 'in_progress') as in_progress,
      count(*) filter (where now_in.to_state = 'complete') as complete,
      count(*) filter (where now_in.to_state = 'error') as error,
      count(*) filter (where now_in.to_state = 'cancelled') as cancelled
    from tasker_tasks t
    left join tasker_task_transitions now_in on now_in.task_id = t.task_id and now_in.most_recent = true
  ),
  step as (
    select
      count(*) as total,
      count(*) filter (where now_in.to_state = 'pending') as pending,
      count(*) filter (where now_in.to_state = 'in_progress') as in_progress,
      count(*) filter (where now_in.to_state = 'complete') as complete,
      count(*) filter (where now_in.to_state = 'error') as error,
      count(*) filter (where now_in.to_state = 'error' and s.attempts < s.retry_limit and s.retryable) as retryable,
      count(*) filter (where now_in.to_state = 'error' and s.attempts >= s.retry_limit) as exhausted,
      count(*) filter (
        where now_in.to_state = 'error' and s.attempts < s.retry_limit and s.retryable and s.last_attempted_at is not null
      ) as in_backoff
    from tasker_workflow_steps s
    left join tasker_workflow_step_transitions now_in
      on now_in.workflow_step_id = s.workflow_step_id and now_in.most_recent = true
  )
  select
    task.total, task.pending, task.in_progress, task.complete, task.error, task.cancelled,
    step.total, step.pending, step.in_progress, step.complete, step.error, step.retryable, step.exhausted, step.in_backoff,
    (select count(*) from pg_stat_activity where datname = current_database() and state = 'active'),
    (select setting::bigint from pg_settings where name = 'max_connections')
  from task
  cross join step;
end
$$;

create function get_analytics_metrics_v01(since_timestamp timestamptz default null)
returns table (
  active_tasks_count bigint, total_namespaces_count bigint, unique_task_types_count bigint, system_health_score numeric,
  task_throughput bigint, completion_count bigint, error_count bigint, completion_rate numeric, error_rate numeric,
  avg_task_duration numeric, avg_step_duration numeric, step_throughput bigint, analysis_period_start timestamptz,
  calculated_at timestamptz
)
language plpgsql
stable
as $$
declare
  v_since timestamptz := coalesce(since_timestamp, now() - interval '1 hour');
begin
  return query
  with active as (
    select count(distinct t.task_id) as tasks
    from tasker_tasks t
    join tasker_workflow_steps s on s.task_id = t.task_id
    join tasker_workflow_step_transitions now_in
      on now_in.workflow_step_id = s.workflow_step_id and now_in.most_recent = true
    where now_in.to_state not in ('complete', 'error', 'skipped', 'resolved_manually')
  ),
  in_use as (
    select count(distinct ns.name) as namespaces, count(distinct n.name) as task_types
    from tasker_tasks t
    join tasker_named_tasks n on n.named_task_id = t.named_task_id
    join tasker_task_namespaces ns on ns.task_namespace_id = n.task_namespace_id
  ),
  health as (
    select
      count(distinct t.task_id) filter (where done.id is not null) as completed,
      count(distinct t.task_id) filter (where failed.id is not null) as failed
    from tasker_tasks t
    join tasker_workflow_steps s on s.task_id = t.task_id
    left join tasker_workflow_step_transitions done
      on done.workflow_step_id = s.workflow_step_id and done.most_recent = true and done.to_state = 'complete'
    left join tasker_workflow_step_transitions failed
      on failed.workflow_step_id = s.workflow_step_id and failed.most_recent = true and failed.to_state = 'error'
    where t.created_at > now() - interval '1 hour'
  ),
  period as (
    select
      count(distinct t.task_id) as tasks,
      count(distinct t.task_id) filter (where done.id is not null) as completed,
      count(distinct t.task_id) filter (where failed.id is not null) as failed,
      count(distinct s.workflow_step_id) as steps,
      avg(extract(epoch from done.created_at - t.created_at)) as task_seconds,
      avg(extract(epoch from done.created_at - s.created_at)) as step_seconds
    from tasker_tasks t
    left join tasker_workflow_steps s on s.task_id = t.task_id
    left join tasker_workflow_step_transitions done
      on done.workflow_step_id = s.workflow_step_id and done.most_recent = true and done.to_state = 'complete'
    left join tasker_workflow_step_transitions failed
      on failed.workflow_step_id = s.workflow_step_id and failed.most_recent = true and failed.to_state = 'error'
    where t.created_at > v_since
  )
  select
    active.tasks, in_use.namespaces, in_use.task_types,
    coalesce(round(health.completed::numeric / nullif(health.completed + health.failed, 0), 3), 1.0),
    period.tasks, period.completed, period.failed,
    coalesce(round(period.completed::numeric / nullif(period.tasks, 0) * 100, 2), 0.0),
    coalesce(round(period.failed::numeric / nullif(period.tasks, 0) * 100, 2), 0.0),
    coalesce(round(period.task_seconds, 3), 0.0),
    coalesce(round(period.step_seconds, 3), 0.0),
    period.steps, v_since, now()
  from active, in_use, health, period;
end
$$;
