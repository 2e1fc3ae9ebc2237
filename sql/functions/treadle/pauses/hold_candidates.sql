-- Marks as held those of the steps that come next for these handlers which are paused: they were offered by a transaction
-- that did not know of the pause yet. Callers heed the pauses first.
create or replace function treadle.hold_candidates(p_handlers text[], p_capacity integer) returns void
language sql
as $$
  update treadle.ready_steps
  set held = true
  where workflow_step_id = any (array(
    select c.workflow_step_id
    from unnest(p_handlers) as wanted (handler)
    cross join lateral (
      select r.workflow_step_id, r.task_id, r.handler
      from treadle.ready_steps r
      where r.handler = wanted.handler and not r.held and r.lane_id is null
      order by r.priority desc, r.workflow_step_id
      limit p_capacity
      for update skip locked
    ) c
    where treadle.is_paused(c.task_id, c.handler)
  ))
$$;
