-- A table was truncated: what is kept of its kind (the argument) means nothing until the sweep counts again.
create or replace function treadle.count_anew() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update treadle.state_counts set counted_at = null where kind = tg_argv[0] and state = 'total';
  return null;
end
$$;
