-- Which limits concern the steps of which handlers, by the templates that there are.
create or replace function treadle.limits_of_handlers()
returns table (handler text, limit_ids integer[])
language sql stable
as $$
  select d.handler, array_agg(distinct l.limit_id order by l.limit_id)
  from treadle.step_definitions d
  join public.tasker_named_tasks t on t.named_task_id = d.named_task_id
  join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
  join treadle.limits l on l.subject = treadle.limit_subject(l.scope, d.handler, n.name, t.name, d.step_name)
  group by d.handler
$$;
