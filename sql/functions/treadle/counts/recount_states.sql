-- Counts all tasks and steps when that was never done, or is longer ago than p_every: what no trigger saw (rows that were
-- restored or replicated, a version of Treadle that did not count) is right again then. Returns whether it counted. The numbers
-- and the changes that they contain are those of one snapshot, taken while nobody folds; writers go on meanwhile. Where a
-- trigger is missing (an adopted database, unless it was tuned) nothing is counted; that is asked again under the lock, which
-- `treadle tune functions --restore` takes too before it removes them.
create or replace function treadle.recount_states(p_every interval) returns boolean
language plpgsql
as $$
begin
  if exists (select from treadle.count_triggers() t where not t.is_there) or not exists (
    select from treadle.state_counts
    where state = 'total' and (counted_at is null or counted_at < treadle.now() - p_every)
  ) then
    return false;
  end if;
  perform from treadle.state_counts where state = 'total' for update;
  if exists (select from treadle.count_triggers() t where not t.is_there) then
    return false;
  end if;

  with counted as materialized (
    select c.kind, c.state, c.amount from treadle.count_states() c
  ),
  contained as (
    delete from treadle.state_count_changes
  ),
  emptied as (
    delete from treadle.state_counts k
    where k.state <> 'total' and (k.kind, k.state) not in (select c.kind, c.state from counted c)
  )
  insert into treadle.state_counts (kind, state, amount, counted_at)
  select c.kind, c.state, c.amount, case when c.state = 'total' then treadle.now() end
  from counted c
  on conflict (kind, state) do update set amount = excluded.amount, counted_at = excluded.counted_at;
  return true;
end
$$;
