-- Adds what has changed to what is kept, so that few rows have to be added up by who asks. Whoever counts anew holds the two
-- rows of the totals: then it is left to the next sweep.
create or replace function treadle.fold_state_counts() returns void
language plpgsql
as $$
begin
  if (
    select count(*) < 2
    from (select from treadle.state_counts where state = 'total' for update skip locked) free
  ) then
    return;
  end if;
  with gone as (
    delete from treadle.state_count_changes returning kind, state, change
  )
  insert into treadle.state_counts (kind, state, amount)
  select g.kind, g.state, sum(g.change)
  from gone g
  group by g.kind, g.state
  having sum(g.change) <> 0
  on conflict (kind, state) do update set amount = state_counts.amount + excluded.amount;
end
$$;
