-- The limits of a handler are others now: takes its lanes away, so that the steps get new ones, and counts what runs in the
-- new groups. False while steps that other transactions have in their hands, or more than p_limit, are still in old
-- lanes. A handler without limits is forgotten. Callers hold the locks of lock_limits.
create or replace function treadle.renew_lanes(p_handler text, p_limit integer, p_at timestamptz) returns boolean
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
begin
  update treadle.ready_steps
  set lane_id = null
  where workflow_step_id = any (array(
    select r.workflow_step_id
    from treadle.ready_steps r
    where r.handler = p_handler and not r.held and r.lane_id is not null
    limit p_limit
    for update skip locked
  ));
  delete from treadle.lanes l
  where l.handler = p_handler and not exists (select from treadle.ready_steps r where r.lane_id = l.lane_id and not r.held);
  if treadle.has_lanes(p_handler) then
    return false;
  end if;
  delete from treadle.full_groups where handler = p_handler;

  delete from treadle.limited_handlers where handler = p_handler and limit_ids = '{}';
  if found then
    return true;
  end if;
  update treadle.limited_handlers set renew = false where handler = p_handler;
  perform treadle.count_running(p_handler, p_at);
  return true;
end
$$;
