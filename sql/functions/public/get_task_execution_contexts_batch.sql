-- What each of these tasks needs next, counted over the readiness of its steps; tasks that do not exist are left out.
-- The decision, first match wins: run what is ready, wait for what runs, handle failures, finalize, wait. A failed step is
-- blocked when it has no attempt left or may not be retried. A cancelled step can never be completed: once no other step
-- can start either, the task is blocked_by_failures with health `blocked`, although nothing has failed; Rails would
-- report a healthy task that waits for ever.
create or replace function public.get_task_execution_contexts_batch(input_task_ids bigint[])
returns table (
  task_id bigint,
  named_task_id integer,
  status text,
  total_steps bigint,
  pending_steps bigint,
  in_progress_steps bigint,
  completed_steps bigint,
  failed_steps bigint,
  ready_steps bigint,
  execution_status text,
  recommended_action text,
  completion_percentage numeric,
  health_status text
)
language plpgsql
stable
as $$
#variable_conflict use_column
begin
  return query
  with step as (
    select
      r.task_id,
      r.current_state as state,
      r.ready_for_execution as ready,
      r.current_state = 'error' and not (r.retry_eligible and coalesce(s.retryable, true)) as blocked,
      -- may start now or later without anybody's help, or is held by whoever set in_process
      r.current_state in ('pending', 'error')
        and (
          s.in_process
          or (
            r.dependencies_satisfied
            and r.retry_eligible
            and not coalesce(s.processed, false)
            and (coalesce(s.retryable, true) or (r.current_state = 'pending' and r.attempts = 0))
          )
        ) as can_start
    from public.get_step_readiness_status_batch(input_task_ids) r
    join public.tasker_workflow_steps s on s.workflow_step_id = r.workflow_step_id
  ),
  counted as (
    select
      s.task_id,
      count(*) as total,
      count(*) filter (where s.state = 'pending') as pending,
      count(*) filter (where s.state = 'in_progress') as in_progress,
      count(*) filter (where s.state in ('complete', 'resolved_manually')) as completed,
      count(*) filter (where s.state = 'error') as failed,
      count(*) filter (where s.ready) as ready,
      count(*) filter (where s.blocked) as blocked,
      bool_or(s.state = 'cancelled') and not bool_or(s.can_start or s.state = 'in_progress') as stuck
    from step s
    group by s.task_id
  ),
  task as (
    select
      t.task_id,
      t.named_task_id,
      coalesce(current.to_state, 'pending')::text as status,
      coalesce(c.total, 0) as total,
      coalesce(c.pending, 0) as pending,
      coalesce(c.in_progress, 0) as in_progress,
      coalesce(c.completed, 0) as completed,
      coalesce(c.failed, 0) as failed,
      coalesce(c.ready, 0) as ready,
      coalesce(c.blocked > 0 or c.stuck, false) as blocked
    from public.tasker_tasks t
    left join counted c on c.task_id = t.task_id
    left join public.tasker_task_transitions current on current.task_id = t.task_id and current.most_recent
    where t.task_id = any (input_task_ids)
  ),
  decided as (
    select
      t.*,
      case
        when t.ready > 0 then 'has_ready_steps'
        when t.in_progress > 0 then 'processing'
        when t.blocked then 'blocked_by_failures'
        when t.completed = t.total and t.total > 0 then 'all_complete'
        else 'waiting_for_dependencies'
      end as execution_status
    from task t
  )
  select
    d.task_id,
    d.named_task_id,
    d.status,
    d.total,
    d.pending,
    d.in_progress,
    d.completed,
    d.failed,
    d.ready,
    d.execution_status,
    case d.execution_status
      when 'has_ready_steps' then 'execute_ready_steps'
      when 'processing' then 'wait_for_completion'
      when 'blocked_by_failures' then 'handle_failures'
      when 'all_complete' then 'finalize_task'
      else 'wait_for_dependencies'
    end,
    case when d.total = 0 then 0.0 else round(d.completed::numeric / d.total * 100, 2) end,
    case
      when d.ready = 0 and d.blocked then 'blocked'
      when d.failed = 0 then 'healthy'
      else 'recovering'
    end
  from decided d
  order by d.task_id;
end
$$;
