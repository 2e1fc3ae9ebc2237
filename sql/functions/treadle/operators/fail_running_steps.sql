-- in_progress -> error for steps that an operator takes away from their workers; the attempt counts.
create or replace function treadle.fail_running_steps(p_step_ids bigint[], p_metadata jsonb, p_at timestamp) returns void
language plpgsql
as $$
begin
  if cardinality(p_step_ids) = 0 then
    return;
  end if;
  perform treadle.revoke_claims(p_step_ids);
  perform treadle.send_to_steps(
    p_step_ids, 'fail', p_metadata || '{"error_message": "an operator took the step away from its worker"}', p_at
  );
  update public.tasker_workflow_steps
  set attempts = coalesce(attempts, 0) + 1, last_attempted_at = p_at
  where workflow_step_id = any (p_step_ids);
end
$$;
