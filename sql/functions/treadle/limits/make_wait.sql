-- This lane found no room in a group: it waits there. True when nobody of its handler did before.
create or replace function treadle.make_wait(p_lane_id bigint, p_group_id bigint, p_opens_at timestamptz) returns boolean
language plpgsql
as $$
declare
  v_handler text;
begin
  update treadle.lanes
  set waits_for = p_group_id
  where lane_id = p_lane_id and waits_for is distinct from p_group_id
  returning handler into v_handler;
  if not found then
    return false;
  end if;
  insert into treadle.full_groups (group_id, handler, opens_at)
  values (p_group_id, v_handler, p_opens_at)
  on conflict do nothing;
  return found;
end
$$;
