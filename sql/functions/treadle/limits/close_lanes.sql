-- Takes away those of these lanes of which nothing is left, and what was noted of groups that only they waited for. Callers
-- hold the locks of lock_limits.
create or replace function treadle.close_lanes(p_lane_ids bigint[]) returns void
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_waited record;
begin
  with closed as (
    delete from treadle.lanes l
    where l.lane_id = any (p_lane_ids)
      -- what another transaction has deleted and may still bring back is seen here
      and not exists (select from treadle.ready_steps r where r.lane_id = l.lane_id and not r.held)
    returning l.handler, l.waits_for
  )
  select array_agg(c.handler) as handlers, array_agg(c.waits_for) as group_ids
  into v_waited
  from closed c
  where c.waits_for is not null;
  delete from treadle.full_groups f
  using unnest(v_waited.handlers, v_waited.group_ids) as w (handler, group_id)
  where f.group_id = w.group_id and f.handler = w.handler
    and not exists (select from treadle.lanes l where l.handler = w.handler and l.waits_for = w.group_id);
end
$$;
