-- Somebody who is not Treadle wrote a transition of a task or a step (argument: which), or closed one. Each row counts for
-- what it says itself, in whatever order a foreign writer writes them.
create or replace function treadle.count_moved_state() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and old.most_recent then
    insert into treadle.state_count_changes (kind, state, change) values (tg_argv[0], old.to_state, -1);
  end if;
  if new.most_recent then
    insert into treadle.state_count_changes (kind, state, change) values (tg_argv[0], new.to_state, 1);
  end if;
  return null;
end
$$;
