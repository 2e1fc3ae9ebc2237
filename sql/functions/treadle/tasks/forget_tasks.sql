-- These tasks have ended for good: no wake-up, deadline, pause or derived row is kept for them.
create or replace function treadle.forget_tasks(p_task_ids bigint[]) returns void
language plpgsql
as $$
begin
  delete from treadle.wakeups where task_id = any (p_task_ids);
  delete from treadle.tasks_for_rails where task_id = any (p_task_ids);
  delete from treadle.deadlines where task_id = any (p_task_ids);
  delete from treadle.pauses where scope = 'task' and subject = any (p_task_ids::text[]);
  perform treadle.refresh_tasks(p_task_ids);
end
$$;
