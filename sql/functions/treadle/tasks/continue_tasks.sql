-- Lets these tasks go on, or end, after somebody changed their steps: what they waited for may have changed, so start_tasks
-- finds out anew. Those that run in Rails by choice are given to it; others that are not ours are none of our business. Callers
-- hold the locks of the tasks.
create or replace function treadle.continue_tasks(p_task_ids bigint[])
returns table (ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_ours bigint[] := array(select treadle.own_tasks(p_task_ids));
begin
  perform treadle.retry_in_rails(array(select unnest(p_task_ids) except select unnest(v_ours)));
  delete from treadle.wakeups where task_id = any (v_ours) and reason = 'retry_due';
  return query select s.ready_handlers, s.finalized, s.wakeups from treadle.start_tasks(v_ours) s;
end
$$;
