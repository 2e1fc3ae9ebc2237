-- Marks the ready steps of what is paused as held, so that claims do not walk over them. Steps that another transaction has
-- in its hands are left to it: what it offers in ignorance of the pause, claim_steps refuses. Returns how many.
create or replace function treadle.hold_ready_steps(p_scope text, p_subject text) returns integer
language plpgsql
as $$
declare
  v_count integer;
begin
  if not treadle.heed_pauses() then
    return 0;
  end if;
  -- a statement of its own: while we waited for the lock, the pause may have ended
  if not exists (select from treadle.pauses where scope = p_scope and subject = p_subject) then
    return 0;
  end if;
  update treadle.ready_steps
  set held = true, lane_id = null
  where workflow_step_id = any (array(
    select r.workflow_step_id
    from treadle.ready_steps r
    where not r.held and r.workflow_step_id in (select treadle.ready_steps_in_scope(p_scope, p_subject))
    for update skip locked
  ));
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
