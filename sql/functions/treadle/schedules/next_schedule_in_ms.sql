-- How far off the next tick is, in milliseconds: 0 or less when one has come due, null when there is none.
create or replace function treadle.next_schedule_in_ms() returns double precision
language sql volatile
set enable_seqscan = off
as $$
  select extract(epoch from min(s.next_at) - treadle.now()) * 1000
  from treadle.schedules s
  where s.paused_at is null and s.next_at is not null
$$;
