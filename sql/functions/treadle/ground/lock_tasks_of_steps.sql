-- lock_tasks for the tasks of these steps.
create or replace function treadle.lock_tasks_of_steps(p_step_ids bigint[]) returns void
language plpgsql
as $$
begin
  perform treadle.lock_tasks(array(
    select distinct s.task_id from public.tasker_workflow_steps s where s.workflow_step_id = any (p_step_ids)
  ));
end
$$;
