-- Steps that an operation moved, as it reports them. Arrays run in parallel.
create or replace function treadle.named_moves(p_step_ids bigint[], p_from_states text[], p_to_state text) returns jsonb
language sql
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'workflow_step_id', s.workflow_step_id, 'task_id', s.task_id, 'step_name', n.name,
        'from_state', m.from_state, 'to_state', p_to_state
      )
      order by s.workflow_step_id
    ),
    '[]'
  )
  from unnest(p_step_ids, p_from_states) as m (step_id, from_state)
  join public.tasker_workflow_steps s on s.workflow_step_id = m.step_id
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
$$;
