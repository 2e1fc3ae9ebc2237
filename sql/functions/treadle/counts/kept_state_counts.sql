-- How many tasks and steps are in each state, from what is kept: the same numbers as those of count_states, in a moment.
-- No rows while they were never counted. Runs with the rights of Treadle's owner, so that a role of a Rails app needs no
-- right but `usage` on the schema.
create or replace function treadle.kept_state_counts() returns table (kind text, state text, amount bigint)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select n.kind, n.state, sum(n.amount)::bigint
  from (
    select k.kind, k.state, k.amount from treadle.state_counts k
    union all
    select c.kind, c.state, c.change from treadle.state_count_changes c
  ) n
  where not exists (select from treadle.state_counts k where k.state = 'total' and k.counted_at is null)
  group by n.kind, n.state
$$;
