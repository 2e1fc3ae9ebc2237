-- How many tasks and steps are in each state, in the whole database. A task or step without a transition row is pending and
-- counted so (Rails leaves it out). resolved_manually has no column here. A failed step is retryable while it has
-- attempts left and may be retried; in_backoff are those of them that were attempted at all, as in Rails. Where Treadle keeps
-- the counts (treadle.state_counts) nothing is counted but the failed steps; elsewhere all rows are looked at.
create or replace function public.get_system_health_counts_v01()
returns table (
  total_tasks bigint,
  pending_tasks bigint,
  in_progress_tasks bigint,
  complete_tasks bigint,
  error_tasks bigint,
  cancelled_tasks bigint,
  total_steps bigint,
  pending_steps bigint,
  in_progress_steps bigint,
  complete_steps bigint,
  error_steps bigint,
  retryable_error_steps bigint,
  exhausted_retry_steps bigint,
  in_backoff_steps bigint,
  active_connections bigint,
  max_connections bigint
)
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_kept jsonb; -- {task: {total, pending, ...}, step: {...}}
begin
  -- of its own only when the schema is there and this role may: a dump of the schema public knows nothing of it
  if has_schema_privilege(to_regnamespace('treadle')::oid, 'usage') then
    select jsonb_object_agg(k.kind, k.amounts)
    into v_kept
    from (
      select n.kind, jsonb_object_agg(n.state, n.amount) as amounts
      from treadle.kept_state_counts() n
      group by n.kind
    ) k;
  end if;

  return query
  with amount as (
    select k.kind, a.state, a.amount::bigint as amount
    from jsonb_each(v_kept) k (kind, amounts)
    cross join lateral jsonb_each_text(k.amounts) a (state, amount)
    union all
    select 'task', t.to_state, count(*)
    from public.tasker_task_transitions t
    where t.most_recent
      and v_kept is null
    group by t.to_state
    union all
    select 'step', s.to_state, count(*)
    from public.tasker_workflow_step_transitions s
    where s.most_recent
      and v_kept is null
    group by s.to_state
    union all
    select 'task', 'total', count(*)
    from public.tasker_tasks
    where v_kept is null
    having v_kept is null
    union all
    select 'step', 'total', count(*)
    from public.tasker_workflow_steps
    where v_kept is null
    having v_kept is null
  ),
  counted as (
    select
      a.kind,
      coalesce(sum(a.amount) filter (where a.state = 'total'), 0)::bigint as total,
      -- whoever has no transition is pending
      coalesce(sum(case a.state when 'pending' then 0 when 'total' then a.amount else -a.amount end), 0)::bigint as pending,
      coalesce(sum(a.amount) filter (where a.state = 'in_progress'), 0)::bigint as in_progress,
      coalesce(sum(a.amount) filter (where a.state = 'complete'), 0)::bigint as complete,
      coalesce(sum(a.amount) filter (where a.state = 'error'), 0)::bigint as error,
      coalesce(sum(a.amount) filter (where a.state = 'cancelled'), 0)::bigint as cancelled
    from amount a
    group by a.kind
  ),
  failed as (
    select
      count(*) filter (where s.attempts < s.retry_limit and s.retryable) as retryable,
      count(*) filter (where s.attempts >= s.retry_limit) as exhausted,
      count(*) filter (
        where s.attempts < s.retry_limit
          and s.retryable
          and s.last_attempted_at is not null
      ) as in_backoff
    from public.tasker_workflow_steps s
    -- as one array: the index is walked from one to the next, rather than from its root for each
    where s.workflow_step_id = any (array(
      select current.workflow_step_id
      from public.tasker_workflow_step_transitions current
      where current.to_state = 'error'
        and current.most_recent
    ))
  )
  select
    task.total,
    task.pending,
    task.in_progress,
    task.complete,
    task.error,
    task.cancelled,
    step.total,
    step.pending,
    step.in_progress,
    step.complete,
    step.error,
    failed.retryable,
    failed.exhausted,
    failed.in_backoff,
    (
      select count(*)
      from pg_catalog.pg_stat_activity
      where datname = current_database()
        and state = 'active'
    ),
    current_setting('max_connections')::bigint
  from counted task
  join counted step on step.kind = 'step'
  cross join failed
  where task.kind = 'task';
end
$$;
