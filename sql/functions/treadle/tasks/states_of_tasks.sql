-- Those of these tasks that are in one of the given states (null: in any): {task_id: state}.
create or replace function treadle.states_of_tasks(p_task_ids bigint[], p_states text[] default null) returns jsonb
language sql
as $$
  select coalesce(jsonb_object_agg(t.task_id, coalesce(c.to_state, 'pending')), '{}')
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where t.task_id = any (p_task_ids) and (p_states is null or coalesce(c.to_state, 'pending') = any (p_states))
$$;
