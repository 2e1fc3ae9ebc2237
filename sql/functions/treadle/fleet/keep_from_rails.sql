-- Asked by a job of Rails before it runs a task: whether the task runs in Treadle. Then the job must leave it alone, and Treadle looks
-- at the task now, since the job may have been the only one to know of it. Runs with the rights of Treadle's owner: the role
-- of a Rails app needs no more than usage of the schema.
create or replace function treadle.keep_from_rails(p_task_id bigint) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from public.tasker_tasks t
    join treadle.own_named_tasks o on o.named_task_id = t.named_task_id
    where t.task_id = p_task_id
  ) then
    return false;
  end if;
  insert into treadle.changed_tasks (task_id, of_step) values (p_task_id, false);
  perform pg_notify('treadle', 'changed');
  return true;
end
$$;
