-- The completed steps that took longest, of those of tasks created since the given instant (default: 24 hours ago):
-- seconds from the step's creation to its completion, time in the queue included. Filters match exactly; null is any.
-- (The Rails version of this function always raises: it returns timestamps where it declares timestamptz.)
create or replace function public.get_slowest_steps_v01(
  since_timestamp timestamptz default null,
  limit_count integer default 10,
  namespace_filter text default null,
  task_name_filter text default null,
  version_filter text default null
)
returns table (
  workflow_step_id bigint,
  task_id bigint,
  step_name varchar,
  task_name varchar,
  namespace_name varchar,
  version varchar,
  duration_seconds numeric,
  attempts integer,
  created_at timestamptz,
  completed_at timestamptz,
  retryable boolean,
  step_status varchar
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
  select
    s.workflow_step_id,
    t.task_id,
    named.name,
    n.name,
    ns.name,
    n.version,
    round(extract(epoch from current.created_at - s.created_at), 3),
    s.attempts,
    s.created_at at time zone 'UTC',
    current.created_at at time zone 'UTC',
    s.retryable,
    current.to_state
  from public.tasker_tasks t
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces ns on ns.task_namespace_id = n.task_namespace_id
  join public.tasker_workflow_steps s on s.task_id = t.task_id
  join public.tasker_named_steps named on named.named_step_id = s.named_step_id
  join public.tasker_workflow_step_transitions current
    on current.workflow_step_id = s.workflow_step_id
    and current.most_recent
    and current.to_state = 'complete'
  where t.created_at > v_since_utc
    and t.complete in (false, true) -- all of them: the index begins with it
    and current.created_at > s.created_at
    and (namespace_filter is null or ns.name = namespace_filter)
    and (task_name_filter is null or n.name = task_name_filter)
    and (version_filter is null or n.version = version_filter)
  order by current.created_at - s.created_at desc, s.workflow_step_id
  limit limit_count;
end
$$;
