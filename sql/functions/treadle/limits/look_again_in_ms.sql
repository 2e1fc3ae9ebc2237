-- In how many milliseconds a claim for these handlers could find more without anything happening before; null: never. That
-- is when a rate allows the next start; or soon, when groups were found full just now (p_unsettled): a step of theirs that
-- ended in the same moment may have told nobody. Callers hold the locks of lock_limits.
create or replace function treadle.look_again_in_ms(p_handlers text[], p_unsettled boolean, p_at timestamptz)
returns integer
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  c_soon constant integer := 20;
  c_longest constant integer := 86400000;
begin
  if p_unsettled then
    return c_soon;
  end if;
  update treadle.full_groups f
  set opens_at = room.opens_at
  from unnest(p_handlers) as h (handler)
  cross join lateral (
    select f.* from treadle.full_groups f where f.handler = h.handler and f.opens_at <= p_at offset 0
  ) due
  cross join lateral (
    select g.limit_id from treadle.limit_groups g where g.group_id = due.group_id offset 0
  ) g
  cross join lateral (
    select from treadle.limits l where l.limit_id = g.limit_id and l.kind = 'rate' offset 0
  ) l
  cross join lateral treadle.group_room(due.group_id, 1, p_at) room
  where room.room = 0
    and f.group_id = due.group_id and f.handler = due.handler;
  return (
    select greatest(1, ceil(extract(epoch from least(min(f.opens_at) - p_at, c_longest * interval '1 ms')) * 1000))::integer
    from unnest(p_handlers) as h (handler)
    cross join lateral (
      select f.opens_at
      from treadle.full_groups f
      where f.handler = h.handler and f.opens_at > p_at
      order by f.opens_at
      limit 1
    ) f
  );
end
$$;
