-- The same for one task: one row, or none when there is no such task.
create or replace function public.get_task_execution_context(input_task_id bigint)
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
begin
  return query
  select context.*
  from public.get_task_execution_contexts_batch(array[input_task_id]) context;
end
$$;
