-- Tasks in the outbox for Rails: how many could be handed over now (due within p_ahead; null: all), and how far off the first of the
-- others is. As waiting_wakeups.
create or replace function treadle.waiting_for_rails(p_ahead interval, out waiting bigint, out next_in_ms double precision)
language plpgsql stable
as $$
declare
  v_now timestamptz := treadle.now();
  v_until timestamptz := coalesce(v_now + p_ahead, 'infinity');
begin
  select count(*) into waiting from treadle.tasks_for_rails r where r.run_at <= v_until;
  select extract(epoch from min(r.run_at) - v_now) * 1000 into next_in_ms
  from treadle.tasks_for_rails r
  where r.run_at > v_until;
end
$$;
