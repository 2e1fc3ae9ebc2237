-- One event for many steps on behalf of a worker: transition_steps with the metadata that Rails readers understand.
create or replace function treadle.move_steps(
  p_step_ids bigint[],
  p_event text,
  p_worker_id bigint,
  p_at timestamptz
) returns setof bigint
language plpgsql
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
  with described as (
    select array_agg(s.workflow_step_id order by s.workflow_step_id) as step_ids,
      array_agg(
        jsonb_build_object(
          'attempt_number', coalesce(s.attempts, 0) + 1, 'worker_id', p_worker_id, 'triggered_by', 'treadle'
        )
        order by s.workflow_step_id
      ) as metadata
    from public.tasker_workflow_steps s
    where s.workflow_step_id = any (p_step_ids)
  )
  select moved.step_id
  from described d
  cross join lateral treadle.transition_steps(
    d.step_ids, array_fill(p_event, array[cardinality(d.step_ids)]), d.metadata, p_at at time zone 'UTC'
  ) as moved (step_id);
end
$$;
