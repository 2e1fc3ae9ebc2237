-- The handlers for which templates name a runtime, each with the templates that do. Of the versions of a template the latest
-- speaks, so that a new one can move a handler. Two rows for one handler contradict each other: no registration commits that.
create or replace function treadle.handler_runtimes()
returns table (handler text, runtime text, templates text[])
language sql stable
as $$
  select d.handler, d.runtime, array_agg(distinct s.name || '/' || n.name || '@' || n.version)
  from treadle.step_definitions d
  join public.tasker_named_tasks n on n.named_task_id = d.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  where d.runtime is not null
    and d.in_template
    and d.named_task_id = treadle.find_named_task(s.name, n.name)
  group by d.handler, d.runtime
  order by d.handler, d.runtime
$$;
