-- A group has room for so many lanes. When fewer of this handler wait for it, they are open again, and nothing waits for it
-- any more: 0. Otherwise they stay where they are: as many as there is room for.
create or replace function treadle.open_group(p_handler text, p_group_id bigint, p_room integer) returns integer
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
as $$
begin
  if p_room <= (
    select count(*)
    from (
      select from treadle.lanes l where l.handler = p_handler and l.waits_for = p_group_id limit p_room
    ) waiting
  ) then
    return p_room;
  end if;
  update treadle.lanes set waits_for = null where handler = p_handler and waits_for = p_group_id;
  delete from treadle.full_groups where group_id = p_group_id and handler = p_handler;
  return 0;
end
$$;
