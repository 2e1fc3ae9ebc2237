-- How many more steps of a group may start at p_at, p_wanted at most; when there is no room, the instant from which on it
-- is worth to ask again (-infinity: at any time, a slot comes free when a step ends). A rate lets start number n begin when
-- number n minus the limit lies a whole period back, so no period, wherever it begins, has more starts than the limit.
create or replace function treadle.group_room(
  p_group_id bigint,
  p_wanted integer,
  p_at timestamptz,
  out room integer,
  out opens_at timestamptz
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_group record;
begin
  select l.kind, l.amount, l.per, g.starts - l.amount as before, least(p_wanted, l.amount) as wanted
  into v_group
  from treadle.limit_groups g
  join treadle.limits l on l.limit_id = g.limit_id
  where g.group_id = p_group_id;
  opens_at := '-infinity';
  if not found then -- the limit was removed
    room := p_wanted;
  elsif v_group.kind = 'concurrency' then
    select greatest(0, least(p_wanted, v_group.amount - count(*))) into room
    from treadle.limited_claims c
    join treadle.claims k on k.workflow_step_id = c.workflow_step_id and k.claim_id = c.claim_id
    where c.group_id = p_group_id;
  else
    select v_group.wanted - count(*), coalesce(min(s.started_at) + v_group.per, '-infinity') into room, opens_at
    from treadle.limited_starts s
    where s.group_id = p_group_id
      and s.number > v_group.before and s.number <= v_group.before + v_group.wanted
      and s.started_at > p_at - v_group.per;
  end if;
end
$$;
