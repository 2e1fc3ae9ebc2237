-- The same for one task, or for some steps of it: the rule is get_step_readiness_status_batch's alone. Parents outside
-- step_ids still count. An unknown task has no rows.
create or replace function public.get_step_readiness_status(
  input_task_id bigint,
  step_ids bigint[] default null
)
returns table (
  workflow_step_id bigint,
  task_id bigint,
  named_step_id integer,
  name text,
  current_state text,
  dependencies_satisfied boolean,
  retry_eligible boolean,
  ready_for_execution boolean,
  last_failure_at timestamp,
  next_retry_at timestamp,
  total_parents integer,
  completed_parents integer,
  attempts integer,
  retry_limit integer,
  backoff_request_seconds integer,
  last_attempted_at timestamp
)
language plpgsql
stable
as $$
#variable_conflict use_column
begin
  return query
  select status.*
  from public.get_step_readiness_status_batch(array[input_task_id]) status
  where step_ids is null
    or status.workflow_step_id = any (step_ids);
end
$$;
