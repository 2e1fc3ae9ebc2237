-- Somebody who is not Treadle wrote a transition: remember the task durably and wake the engines. Our own writers set
-- treadle.writing and never come here (the WHEN clause of the triggers). Runs with the rights of Treadle's owner: the role
-- of a Rails app needs none on our tables, and its writes must never fail because of us (but see refuse_foreign_start).
create or replace function treadle.notify_foreign_change() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_table_name = 'tasker_task_transitions' then
    if new.to_state = 'in_progress' then
      perform treadle.refuse_foreign_start(new.task_id);
    end if;
    insert into treadle.changed_tasks (task_id, of_step) values (new.task_id, false);
  else
    insert into treadle.changed_tasks (task_id, of_step)
    select s.task_id, true
    from public.tasker_workflow_steps s
    where s.workflow_step_id = new.workflow_step_id;
  end if;
  perform pg_notify('treadle', 'changed'); -- equal notifications of one transaction arrive once
  return null;
end
$$;
