-- The cheap test over all open tasks: those that nothing will ever move (no step offered or claimed, no wake-up), and those
-- whose wake-up is overdue by more than p_grace. Some of them wait lawfully (another hand runs a step) or have ended;
-- task_troubles tells. In the order of their ids, from p_after on; of those that are overdue a sweep takes no more than one
-- page: a queue that is merely slow brings them too.
create or replace function treadle.suspect_tasks(p_after bigint, p_grace interval, p_limit integer) returns setof bigint
language plpgsql
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_due timestamptz := treadle.now() - p_grace;
begin
  return query
  select o.task_id
  from treadle.open_tasks o
  where o.task_id > p_after
    and not exists (select from treadle.wakeups w where w.task_id = o.task_id)
    and not exists (select from treadle.ready_steps r where r.task_id = o.task_id)
    and not exists (select from treadle.claims k where k.task_id = o.task_id)
  union
  (
    select w.task_id
    from treadle.wakeups w
    where p_after = 0
      and (w.handed_at is null and w.run_at < v_due or w.handed_at is not null and w.run_at < v_due)
    limit p_limit
  )
  order by 1
  limit p_limit;
end
$$;
