-- The lanes whose turn it is, of each crew up to as many as it has slots left: the open ones, and of those that wait for a
-- group which has room again as many as it says. Who was served longest ago comes first. Crews and slots as in claim_steps.
create or replace function treadle.next_lanes(
  p_handlers text[],
  p_crews integer[],
  p_left integer[],
  p_seen bigint[],
  p_full_handlers text[],
  p_full_groups bigint[],
  p_most integer[]
) returns table (lane_id bigint, group_ids bigint[], crew integer, place bigint, lanes bigint)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
begin
  return query
  with candidates as (
    select l.lane_id, l.group_ids, l.priority, l.served_at, h.crew
    from unnest(p_handlers, p_crews) as h (handler, crew)
    cross join lateral (
      select l.*
      from treadle.lanes l
      where l.handler = h.handler and l.waits_for is null and l.lane_id <> all (p_seen)
      order by l.priority desc, l.served_at, l.lane_id
      limit p_left[h.crew]
    ) l
    union all
    select l.lane_id, l.group_ids, l.priority, l.served_at, h.crew
    from unnest(p_full_handlers, p_full_groups, p_most) as f (handler, group_id, most)
    join unnest(p_handlers, p_crews) as h (handler, crew) on h.handler = f.handler
    cross join lateral (
      select l.*
      from treadle.lanes l
      where l.handler = f.handler and l.waits_for = f.group_id and l.lane_id <> all (p_seen) and p_left[h.crew] > 0
      order by l.priority desc, l.served_at, l.lane_id
      limit f.most
    ) l
  ),
  placed as (
    select c.lane_id, c.group_ids, c.crew,
      row_number() over (partition by c.crew order by c.priority desc, c.served_at, c.lane_id) as place
    from candidates c
  )
  select p.lane_id, p.group_ids, p.crew, p.place, count(*) over (partition by p.crew)
  from placed p
  where p.place <= p_left[p.crew]
  order by p.place, p.crew;
end
$$;
