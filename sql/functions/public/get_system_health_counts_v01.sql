-- How many tasks and steps are in each state, in the whole database. A task or step without a transition row is pending and
-- counted so (Rails leaves it out). resolved_manually has no column here. A failed step is retryable while it has
-- attempts left and may be retried; in_backoff are those of them that were attempted at all, as in Rails.
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
begin
  return query
  with task as (
    select
      (select count(*) from public.tasker_tasks) as total,
      count(*) as with_state,
      count(*) filter (where to_state = 'pending') as pending,
      count(*) filter (where to_state = 'in_progress') as in_progress,
      count(*) filter (where to_state = 'complete') as complete,
      count(*) filter (where to_state = 'error') as error,
      count(*) filter (where to_state = 'cancelled') as cancelled
    from public.tasker_task_transitions
    where most_recent
  ),
  step as (
    select
      (select count(*) from public.tasker_workflow_steps) as total,
      count(*) as with_state,
      count(*) filter (where to_state = 'pending') as pending,
      count(*) filter (where to_state = 'in_progress') as in_progress,
      count(*) filter (where to_state = 'complete') as complete,
      count(*) filter (where to_state = 'error') as error
    from public.tasker_workflow_step_transitions
    where most_recent
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
    from public.tasker_workflow_step_transitions current
    join public.tasker_workflow_steps s on s.workflow_step_id = current.workflow_step_id
    where current.to_state = 'error'
      and current.most_recent
  )
  select
    task.total,
    task.pending + task.total - task.with_state,
    task.in_progress,
    task.complete,
    task.error,
    task.cancelled,
    step.total,
    step.pending + step.total - step.with_state,
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
  from task, step, failed;
end
$$;
