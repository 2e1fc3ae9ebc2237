-- Lets these tasks go on, or end, after somebody changed their steps: what they waited for may have changed, so start_tasks
-- finds out anew. Tasks that no template of ours describes are none of our business. Callers hold the locks of the tasks.
create or replace function treadle.continue_tasks(p_task_ids bigint[])
returns table (ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_ours bigint[] := array(
    select t.task_id
    from public.tasker_tasks t
    where t.task_id = any (p_task_ids)
      and exists (select from treadle.step_definitions d where d.named_task_id = t.named_task_id)
  );
begin
  delete from treadle.wakeups where task_id = any (v_ours) and reason = 'retry_due';
  return query select s.ready_handlers, s.finalized, s.wakeups from treadle.start_tasks(v_ours) s;
end
$$;
