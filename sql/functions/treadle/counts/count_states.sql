-- How many rows there are of each kind and state, by looking at all of them.
create or replace function treadle.count_states() returns table (kind text, state text, amount bigint)
language sql
stable
as $$
  select 'task', 'total', count(*) from public.tasker_tasks
  union all
  select 'task', t.to_state, count(*) from public.tasker_task_transitions t where t.most_recent group by t.to_state
  union all
  select 'step', 'total', count(*) from public.tasker_workflow_steps
  union all
  select 'step', t.to_state, count(*) from public.tasker_workflow_step_transitions t where t.most_recent group by t.to_state
$$;
