-- Ends tasks whose deadline has passed, p_limit at most: -> error with the reason deadline_exceeded. Their running steps fail
-- for good with timed_out, their claims go, and the engines that hold them are told; steps that have not begun stay as they
-- are, so that somebody can retry the task, which then has no deadline. A task that somebody holds the lock of right now
-- waits for the next call. Returns what it decided, as finalize_tasks does, and the milliseconds until the earliest
-- deadline that is left (null: there is none). Locks: tasks, then steps, then gates.
create or replace function treadle.expire_tasks(p_limit integer)
returns table (finalized jsonb, next_in_ms double precision)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := treadle.now();
  v_due bigint[];
begin
  finalized := '[]';
  v_due := array(
    select d.task_id from treadle.deadlines d where d.deadline_at <= v_now order by d.deadline_at limit p_limit
  );
  if cardinality(v_due) > 0 then
    perform treadle.plan_for(cardinality(v_due));
    delete from treadle.deadlines d -- of tasks that were pruned
    where d.task_id = any (v_due) and not exists (select from public.tasker_tasks t where t.task_id = d.task_id);
    v_due := array(
      select t.task_id
      from public.tasker_tasks t
      where t.task_id = any (v_due)
      order by t.task_id
      for no key update skip locked
    );
    finalized := treadle.end_overdue_tasks(v_due, v_now);
  end if;
  next_in_ms := (
    select extract(epoch from min(d.deadline_at) - v_now) * 1000 from treadle.deadlines d
  );
  return next;
end
$$;
