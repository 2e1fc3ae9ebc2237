-- Rows were deleted, by anybody: tasks or steps (arguments: which, 'total') or transitions of them (which, 'state').
create or replace function treadle.count_removed_rows() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_argv[1] = 'total' then
    insert into treadle.state_count_changes (kind, state, change)
    select tg_argv[0], 'total', -count(*)
    from removed
    having count(*) > 0;
  else
    insert into treadle.state_count_changes (kind, state, change)
    select tg_argv[0], r.to_state, -count(*)
    from removed r
    where r.most_recent
    group by r.to_state;
  end if;
  return null;
end
$$;
