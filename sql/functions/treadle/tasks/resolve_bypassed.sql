-- pending -> resolved_manually for the steps that a task request bypasses: their children may run, without results.
create or replace function treadle.resolve_bypassed(p_step_ids bigint[], p_at timestamp) returns void
language plpgsql
as $$
begin
  perform treadle.transition_steps(
    p_step_ids,
    array_fill('resolve'::text, array[cardinality(p_step_ids)]),
    array_fill('{"resolved_by": "bypass", "triggered_by": "treadle"}'::jsonb, array[cardinality(p_step_ids)]),
    p_at
  );
  update public.tasker_workflow_steps
  set processed = true, processed_at = p_at, updated_at = p_at
  where workflow_step_id = any (p_step_ids);
end
$$;
