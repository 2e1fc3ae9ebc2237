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
set plan_cache_mode = 'force_custom_plan' -- an hour and a year are not found in the same way
as $$
#variable_conflict use_column
declare
  v_since constant timestamptz := coalesce(since_timestamp, now() - interval '1 hour');
  v_since_utc constant timestamp := v_since at time zone 'UTC';
  v_hour_ago_utc constant timestamp := (now() - interval '1 hour') at time zone 'UTC';
begin
  return query
  -- one row for each task: counting distinct tasks among their steps would sort the steps again and again
  with recent_task as materialized (
    select
      t.task_id,
      t.created_at,
      count(s.workflow_step_id) as steps,
      coalesce(bool_or(current.to_state = 'complete'), false) as completed,
      coalesce(bool_or(current.to_state = 'error'), false) as failed,
      count(*) filter (where current.to_state = 'complete') as completed_steps,
      sum(extract(epoch from current.created_at - t.created_at)) filter (where current.to_state = 'complete') as task_seconds,
      sum(extract(epoch from current.created_at - s.created_at)) filter (where current.to_state = 'complete') as step_seconds
    from public.tasker_tasks t
    left join public.tasker_workflow_steps s on s.task_id = t.task_id
    left join public.tasker_workflow_step_transitions current
      on current.workflow_step_id = s.workflow_step_id
      and current.most_recent
    where t.created_at > least(v_since_utc, v_hour_ago_utc)
      and t.complete in (false, true) -- all of them: the index begins with it
    group by t.task_id
  ),
  last_hour as (
    select count(*) filter (where completed) as completed, count(*) filter (where failed) as failed
    from recent_task
    where created_at > v_hour_ago_utc
  ),
  period as (
    select
      count(*) as tasks,
      count(*) filter (where completed) as completed,
      count(*) filter (where failed) as failed,
      coalesce(sum(steps), 0)::bigint as steps,
      sum(task_seconds) / nullif(sum(completed_steps), 0) as task_seconds,
      sum(step_seconds) / nullif(sum(completed_steps), 0) as step_seconds
    from recent_task
    where created_at > v_since_utc
  ),
  -- few steps of many are so, but Postgres cannot know it and would read all steps to find their tasks
  unfinished as materialized (
    select current.workflow_step_id
    from public.tasker_workflow_step_transitions current
    where current.most_recent
      and current.to_state not in ('complete', 'error', 'skipped', 'resolved_manually')
  ),
  active as (
    select count(distinct s.task_id) as tasks
    from unfinished u
    cross join lateral (
      select s.task_id
      from public.tasker_workflow_steps s
      where s.workflow_step_id = u.workflow_step_id
      offset 0
    ) s
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
