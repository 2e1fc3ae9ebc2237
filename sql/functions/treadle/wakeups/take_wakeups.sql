-- Takes wake-ups that the queue does not know of yet, those that are due within p_ahead (null: all), the earliest first; the
-- caller hands them over before the transaction commits: at least once to any queue, exactly once to one that lives in this
-- database. Concurrent callers never get the same.
create or replace function treadle.take_wakeups(p_limit integer, p_ahead interval default null)
returns table (
  task_id bigint,
  run_at timestamptz,
  reason text,
  delay_ms double precision,
  priority integer,
  correlation_id text
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_until timestamptz := coalesce(v_now + p_ahead, 'infinity');
begin
  return query
  with taken as (
    update treadle.wakeups w
    set handed_at = v_now
    where w.task_id = any (array(
      select o.task_id
      from treadle.wakeups o
      where o.handed_at is null and o.run_at <= v_until
      order by o.run_at, o.task_id
      limit p_limit
      for update skip locked
    ))
    returning w.task_id, w.run_at, w.reason
  )
  select k.task_id, k.run_at, k.reason, greatest(extract(epoch from k.run_at - v_now) * 1000, 0)::double precision,
    (
      select least(greatest(coalesce(max(d.priority), 0), -100), 100)
      from treadle.step_definitions d
      where d.named_task_id = t.named_task_id and d.in_template
    ),
    treadle.correlation_id(k.task_id, t.tags)
  from taken k
  left join public.tasker_tasks t on t.task_id = k.task_id
  order by k.run_at, k.task_id;
end
$$;
