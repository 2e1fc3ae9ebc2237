-- The named task of this name that Treadle has a template for; without a version the latest, 0.10.0 after 0.9.0.
create or replace function treadle.find_named_task(p_namespace text, p_name text, p_version text default null)
returns integer
language sql stable
as $$
  select t.named_task_id
  from public.tasker_named_tasks t
  join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
  where n.name = p_namespace
    and t.name = p_name
    and (p_version is null or t.version = p_version)
    and exists (select from treadle.step_definitions d where d.named_task_id = t.named_task_id and d.in_template)
  order by string_to_array(t.version, '.')::integer[] desc
  limit 1
$$;
