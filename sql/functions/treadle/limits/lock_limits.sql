-- Before steps with limits are claimed: whoever counts in the same groups waits for the end of this transaction. Locks, in
-- this order, the handlers of which anything is ready, by name, and the limits that concern them, by number; a claim
-- waits for nothing else from here on. Puts what is ready into lanes. Returns the handlers whose lanes are in order.
create or replace function treadle.lock_limits(p_handlers text[], p_at timestamptz) returns text[]
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  c_at_once constant integer := 10000;
  v_handler record;
  v_in_order text[] := '{}';
begin
  for v_handler in
    select h.handler, h.limit_ids, h.renew
    from treadle.limited_handlers h
    where h.handler = any (p_handlers)
      and (
        treadle.has_lanes(h.handler)
        or exists (select from treadle.ready_steps r where r.handler = h.handler and not r.held and r.lane_id is null)
      )
    order by h.handler
    for no key update of h
  loop
    v_in_order := v_in_order || v_handler.handler;
  end loop;
  if cardinality(v_in_order) = 0 then
    return v_in_order;
  end if;
  perform 1
  from treadle.limits l
  where l.limit_id in (select unnest(h.limit_ids) from treadle.limited_handlers h where h.handler = any (v_in_order))
  order by l.limit_id
  for no key update;

  for v_handler in select h.handler, h.renew from treadle.limited_handlers h where h.handler = any (v_in_order) loop
    if v_handler.renew and not treadle.renew_lanes(v_handler.handler, c_at_once, p_at) then
      v_in_order := array_remove(v_in_order, v_handler.handler);
    end if;
  end loop;
  -- also those that were renewed just now; one without limits is not among them any more
  v_in_order := array(select h.handler from treadle.limited_handlers h where h.handler = any (v_in_order));
  perform treadle.assign_lanes(h.handler, c_at_once, p_at) from unnest(v_in_order) as h (handler);
  return v_in_order;
end
$$;
