-- Those of these steps that are in one of the given states, of tasks that have not ended for good.
create or replace function treadle.resolvable_steps(p_step_ids bigint[], p_states text[])
returns table (step_id bigint, state text)
language sql
as $$
  select s.workflow_step_id, coalesce(c.to_state, 'pending')
  from public.tasker_workflow_steps s
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
  left join public.tasker_task_transitions t on t.task_id = s.task_id and t.most_recent
  where s.workflow_step_id = any (p_step_ids)
    and coalesce(c.to_state, 'pending') = any (p_states)
    and coalesce(t.to_state, 'pending') in ('pending', 'in_progress', 'error')
$$;
