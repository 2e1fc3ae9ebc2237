-- Deletes these tasks with all that hangs on them, whatever their state. Returns how many steps they had, and how many rows
-- of the Rails tables went in all. Callers hold the locks of the tasks.
create or replace function treadle.delete_tasks(p_task_ids bigint[]) returns table (steps integer, row_count bigint)
language plpgsql
set plan_cache_mode = 'force_generic_plan' -- also those of the foreign keys, which ask once for each row
set enable_seqscan = off
as $$
declare
  v_step_ids bigint[] := array(
    select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (p_task_ids)
  );
  v_count bigint;
begin
  steps := cardinality(v_step_ids);
  row_count := 0;
  delete from treadle.claims where task_id = any (p_task_ids); -- first: whoever writes their starts locks them before the steps
  delete from public.tasker_workflow_step_transitions where workflow_step_id = any (v_step_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;
  delete from public.tasker_workflow_step_edges where from_step_id = any (v_step_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;
  delete from public.tasker_workflow_step_edges where to_step_id = any (v_step_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;
  delete from public.tasker_workflow_steps where workflow_step_id = any (v_step_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;
  delete from public.tasker_task_transitions where task_id = any (p_task_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;
  delete from public.tasker_task_annotations where task_id = any (p_task_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;

  delete from treadle.ready_steps where task_id = any (p_task_ids);
  delete from treadle.gates where task_id = any (p_task_ids);
  delete from treadle.wakeups where task_id = any (p_task_ids);
  delete from treadle.tasks_for_rails where task_id = any (p_task_ids);
  delete from treadle.moving_tasks where task_id = any (p_task_ids);
  delete from treadle.open_tasks where task_id = any (p_task_ids);
  delete from treadle.deadlines where task_id = any (p_task_ids);
  delete from treadle.pauses where scope = 'task' and subject = any (p_task_ids::text[]);

  delete from public.tasker_tasks where task_id = any (p_task_ids);
  get diagnostics v_count = row_count;
  row_count := row_count + v_count;
  return next;
end
$$;
