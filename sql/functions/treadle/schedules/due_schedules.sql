-- Locks schedules that have come due, the most overdue first, p_limit at most. Those that another engine is at are passed
-- over. Whoever calls it creates the tasks and moves next_at on in the same transaction.
create or replace function treadle.due_schedules(p_limit integer) returns setof treadle.schedules
language plpgsql
set enable_seqscan = off
as $$
declare
  v_now timestamptz := treadle.now();
begin
  return query
  select s.*
  from treadle.schedules s
  where s.paused_at is null and s.next_at <= v_now
  order by s.next_at
  limit p_limit
  for update skip locked;
end
$$;
