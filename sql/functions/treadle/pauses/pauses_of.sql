-- What keeps the steps of a task from being claimed: the pause of the task, of its namespace, of the step's handler, and
-- the move of its named task to Rails.
create or replace function treadle.pauses_of(p_task_id bigint, p_handler text) returns setof treadle.pauses
language sql stable
as $$
  select p.*
  from treadle.pauses p
  where p.scope = 'task' and p.subject = p_task_id::text
  union all
  select p.*
  from public.tasker_tasks t
  join public.tasker_named_tasks nt on nt.named_task_id = t.named_task_id
  join public.tasker_task_namespaces n on n.task_namespace_id = nt.task_namespace_id
  join treadle.pauses p on p.scope = 'namespace' and p.subject = n.name
  where t.task_id = p_task_id
  union all
  select p.*
  from treadle.pauses p
  where p.scope = 'handler' and p.subject = p_handler
  union all
  select p.*
  from public.tasker_tasks t
  join treadle.pauses p on p.scope = 'named_task' and p.subject = t.named_task_id::text
  where t.task_id = p_task_id
$$;
