-- Wake-ups that the queue does not know of: how many could be handed over now (due within p_ahead; null: all), and how far
-- off the first of the others is.
create or replace function treadle.waiting_wakeups(
  p_ahead interval, out waiting bigint, out next_in_ms double precision
)
language plpgsql stable
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
as $$
declare
  v_now timestamptz := treadle.now();
  v_until timestamptz := coalesce(v_now + p_ahead, 'infinity');
begin
  select count(*) into waiting from treadle.wakeups w where w.handed_at is null and w.run_at <= v_until;
  select extract(epoch from w.run_at - v_now) * 1000 into next_in_ms
  from treadle.wakeups w
  where w.handed_at is null and w.run_at > v_until
  order by w.run_at
  limit 1;
end
$$;
