-- Registered templates as clients in other languages get them: one with its steps in their order, or without an id all of
-- these namespaces (null: of any) without steps. The schema of the context is that of the base template, as text.
create or replace function treadle.template_details(p_named_task_id integer, p_namespaces text[])
returns table (
  namespace_name text,
  name text,
  version text,
  description text,
  schema_json text,
  steps jsonb
)
language sql stable
as $$
  select s.name, n.name, n.version, n.description, (n.configuration -> 'schema')::text,
    case when p_named_task_id is null then '[]' else (
      select coalesce(jsonb_agg(
        jsonb_build_object('name', d.step_name, 'handler', d.handler, 'runtime', d.runtime, 'depends_on_steps', array(
          select parent.step_name
          from treadle.step_dependencies y
          join treadle.step_definitions parent
            on parent.named_task_id = y.named_task_id and parent.named_step_id = y.depends_on_named_step_id
          where y.named_task_id = d.named_task_id and y.named_step_id = d.named_step_id
          order by parent.ordinal
        )) order by d.ordinal
      ), '[]')
      from treadle.step_definitions d
      where d.named_task_id = n.named_task_id and d.in_template
    ) end
  from public.tasker_named_tasks n
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  where (p_named_task_id is null or n.named_task_id = p_named_task_id)
    and (p_namespaces is null or s.name = any (p_namespaces))
    and exists (select from treadle.step_definitions d where d.named_task_id = n.named_task_id and d.in_template)
  order by s.name, n.name, string_to_array(n.version, '.')::integer[]
$$;
