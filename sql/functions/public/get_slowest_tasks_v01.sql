-- The tasks that took longest, of those created since the given instant (default: 24 hours ago) in which some step has
-- completed or failed: seconds from the task's creation to the last such step. Filters match exactly; null is any.
-- (The Rails version of this function always raises: it returns timestamps where it declares timestamptz.)
create or replace function public.get_slowest_tasks_v01(
  since_timestamp timestamptz default null,
  limit_count integer default 10,
  namespace_filter text default null,
  task_name_filter text default null,
  version_filter text default null
)
returns table (
  task_id bigint,
  task_name varchar,
  namespace_name varchar,
  version varchar,
  duration_seconds numeric,
  step_count bigint,
  completed_steps bigint,
  error_steps bigint,
  created_at timestamptz,
  completed_at timestamptz,
  initiator varchar,
  source_system varchar
)
language plpgsql
stable
set plan_cache_mode = 'force_custom_plan' -- an hour and a year are not found in the same way
as $$
#variable_conflict use_column
declare
  v_since_utc constant timestamp := coalesce(since_timestamp, now() - interval '24 hours') at time zone 'UTC';
begin
  return query
  with finished as (
    select
      t.task_id,
      count(*) as steps,
      count(*) filter (where current.to_state in ('complete', 'resolved_manually')) as completed,
      count(*) filter (where current.to_state = 'error') as failed,
      max(current.created_at) filter (where current.to_state in ('complete', 'error')) as finished_at
    from public.tasker_tasks t
    join public.tasker_workflow_steps s on s.task_id = t.task_id
    left join public.tasker_workflow_step_transitions current
      on current.workflow_step_id = s.workflow_step_id
      and current.most_recent
    where t.created_at > v_since_utc
      and t.complete in (false, true) -- all of them: the index begins with it
    group by t.task_id
    having bool_or(current.to_state in ('complete', 'error'))
  )
  select
    t.task_id,
    n.name,
    ns.name,
    n.version,
    round(extract(epoch from f.finished_at - t.created_at), 3),
    f.steps,
    f.completed,
    f.failed,
    t.created_at at time zone 'UTC',
    f.finished_at at time zone 'UTC',
    t.initiator,
    t.source_system
  from finished f
  join public.tasker_tasks t on t.task_id = f.task_id
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces ns on ns.task_namespace_id = n.task_namespace_id
  where (namespace_filter is null or ns.name = namespace_filter)
    and (task_name_filter is null or n.name = task_name_filter)
    and (version_filter is null or n.version = version_filter)
  order by f.finished_at - t.created_at desc, t.task_id
  limit limit_count;
end
$$;
