-- Somebody who is not Treadle made a task or a step (argument: which). Runs with the rights of Treadle's owner, as all
-- triggers of ours on tables of Rails do.
create or replace function treadle.count_new_row() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into treadle.state_count_changes (kind, state, change) values (tg_argv[0], 'total', 1);
  return null;
end
$$;
