-- Takes wake-ups that the queue does not know of yet; the caller hands them over before the transaction commits: at least
-- once to any queue, exactly once to one that lives in this database. Concurrent callers never get the same.
create or replace function treadle.take_wakeups(p_limit integer)
returns table (task_id bigint, run_at timestamptz, reason text, delay_ms double precision)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
begin
  return query
  update treadle.wakeups w
  set handed_at = v_now
  where w.task_id = any (array(
    select o.task_id
    from treadle.wakeups o
    where o.handed_at is null
    order by o.run_at
    limit p_limit
    for update skip locked
  ))
  returning w.task_id, w.run_at, w.reason, greatest(extract(epoch from w.run_at - v_now) * 1000, 0)::double precision;
end
$$;
