-- The ready steps, held or not, that a pause of this subject is about.
create or replace function treadle.ready_steps_in_scope(p_scope text, p_subject text) returns setof bigint
language plpgsql stable
as $$
begin
  return query
  select r.workflow_step_id
  from treadle.ready_steps r
  where p_scope = 'task' and r.task_id = case p_scope when 'task' then p_subject::bigint end
  union all
  select r.workflow_step_id
  from treadle.ready_steps r
  where p_scope = 'handler' and r.handler = p_subject
  union all
  select r.workflow_step_id
  from treadle.ready_steps r
  join public.tasker_tasks t on t.task_id = r.task_id
  join public.tasker_named_tasks nt on nt.named_task_id = t.named_task_id
  join public.tasker_task_namespaces n on n.task_namespace_id = nt.task_namespace_id
  where p_scope = 'namespace' and n.name = p_subject
  union all
  select r.workflow_step_id
  from treadle.ready_steps r
  join public.tasker_tasks t on t.task_id = r.task_id
  where p_scope = 'named_task' and t.named_task_id = case p_scope when 'named_task' then p_subject::integer end;
end
$$;
