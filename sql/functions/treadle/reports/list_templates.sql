-- Every registered template with its steps in their order, which handler runs each, and who serves that handler now.
create or replace function treadle.list_templates()
returns table (
  named_task_id integer,
  namespace_name text,
  name text,
  version text,
  description text,
  steps jsonb,
  handlers jsonb
)
language sql volatile
as $$
  with living as (
    select h.handler, jsonb_agg(distinct w.name order by w.name) as workers
    from treadle.workers w
    cross join lateral unnest(w.handlers) as h (handler)
    where w.expires_at > treadle.now()
    group by h.handler
  ),
  steps as (
    select d.named_task_id,
      jsonb_agg(jsonb_build_object('name', d.step_name, 'handler', d.handler, 'runtime', d.runtime) order by d.ordinal) as steps
    from treadle.step_definitions d
    where d.in_template
    group by d.named_task_id
  ),
  handlers as (
    select u.named_task_id,
      jsonb_agg(
        jsonb_build_object('handler', u.handler, 'workers', coalesce(l.workers, '[]')) order by u.handler
      ) as handlers
    from (select distinct d.named_task_id, d.handler from treadle.step_definitions d where d.in_template) u
    left join living l on l.handler = u.handler
    group by u.named_task_id
  )
  select n.named_task_id, s.name, n.name, n.version, n.description, p.steps, h.handlers
  from public.tasker_named_tasks n
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  join steps p on p.named_task_id = n.named_task_id
  join handlers h on h.named_task_id = n.named_task_id
  order by s.name, n.name, string_to_array(n.version, '.')::integer[]
$$;
