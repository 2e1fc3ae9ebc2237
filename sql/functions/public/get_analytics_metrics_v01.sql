-- Figures of the tasks created since the given instant (default: one hour ago). A task counts as completed when any of its
-- steps is complete, and as failed when any has failed; durations are averages over completed steps, in seconds, from the
-- creation of the task or of the step (time in the queue included). The health score looks at the last hour whatever
-- the period is: the share of completed among completed and failed tasks. Active: some step's current state is not final.
create or replace function public.get_analytics_metrics_v01(since_timestamp timestamptz default null)
returns table (
  active_tasks_count bigint,
  total_namespaces_count bigint,
  unique_task_types_count bigint,
  system_health_score numeric,
  task_throughput bigint,
  completion_count bigint,
  error_count bigint,
  completion_rate numeric,
  error_rate numeric,
  avg_task_duration numeric,
  avg_step_duration numeric,
  step_throughput bigint,
  analysis_period_start timestamptz,
  calculated_at timestamptz
)
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_since constant timestamptz := coalesce(since_timestamp, now() - interval '1 hour');
  v_since_utc constant timestamp := v_since at time zone 'UTC';
  v_hour_ago_utc constant timestamp := (now() - interval '1 hour') at time zone 'UTC';
begin
  return query
  with recent_step as (
    select
      t.task_id,
      t.created_at as task_created_at,
      s.workflow_step_id,
      s.created_at as step_created_at,
      current.to_state,
      current.created_at as state_since
    from public.tasker_tasks t
    left join public.tasker_workflow_steps s on s.task_id = t.task_id
    left join public.tasker_workflow_step_transitions current
      on current.workflow_step_id = s.workflow_step_id
      and current.most_recent
    where t.created_at > least(v_since_utc, v_hour_ago_utc)
  ),
  last_hour as (
    select
      count(distinct task_id) filter (where to_state = 'complete') as completed,
      count(distinct task_id) filter (where to_state = 'error') as failed
    from recent_step
    where task_created_at > v_hour_ago_utc
  ),
  period as (
    select
      count(distinct task_id) as tasks,
      count(distinct task_id) filter (where to_state = 'complete') as completed,
      count(distinct task_id) filter (where to_state = 'error') as failed,
      count(workflow_step_id) as steps,
      avg(extract(epoch from state_since - task_created_at)) filter (where to_state = 'complete') as task_seconds,
      avg(extract(epoch from state_since - step_created_at)) filter (where to_state = 'complete') as step_seconds
    from recent_step
    where task_created_at > v_since_utc
  ),
  active as (
    select count(distinct s.task_id) as tasks
    from public.tasker_workflow_step_transitions current
    join public.tasker_workflow_steps s on s.workflow_step_id = current.workflow_step_id
    where current.most_recent
      and current.to_state not in ('complete', 'error', 'skipped', 'resolved_manually')
  ),
  in_use as (
    select count(distinct ns.name) as namespaces, count(distinct n.name) as task_types
    from public.tasker_named_tasks n
    join public.tasker_task_namespaces ns on ns.task_namespace_id = n.task_namespace_id
    where exists (select from public.tasker_tasks t where t.named_task_id = n.named_task_id)
  )
  select
    active.tasks,
    in_use.namespaces,
    in_use.task_types,
    coalesce(round(last_hour.completed::numeric / nullif(last_hour.completed + last_hour.failed, 0), 3), 1.0),
    period.tasks,
    period.completed,
    period.failed,
    coalesce(round(period.completed::numeric / nullif(period.tasks, 0) * 100, 2), 0.0),
    coalesce(round(period.failed::numeric / nullif(period.tasks, 0) * 100, 2), 0.0),
    coalesce(round(period.task_seconds, 3), 0.0),
    coalesce(round(period.step_seconds, 3), 0.0),
    period.steps,
    v_since,
    now()
  from active, in_use, last_hour, period;
end
$$;
