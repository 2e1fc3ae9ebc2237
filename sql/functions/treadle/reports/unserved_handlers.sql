-- Handlers that templates of what runs in Treadle name and no live worker serves, with the templates, and how many steps wait for
-- each of them right now. Runtime: where it must run, when templates say that. p_named_task_ids limits it to these templates; null means all.
create or replace function treadle.unserved_handlers(p_named_task_ids integer[] default null)
returns table (handler text, templates text[], ready_steps bigint, runtime text)
language sql volatile
as $$
  with served as (
    select distinct h.handler
    from treadle.workers w
    cross join lateral unnest(w.handlers) as h (handler)
    where w.expires_at > treadle.now()
  ),
  named as (
    select d.handler, array_agg(distinct s.name || '/' || n.name || '@' || n.version) as templates
    from treadle.step_definitions d
    join public.tasker_named_tasks n on n.named_task_id = d.named_task_id
    join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
    where d.in_template
      and exists (select from treadle.own_named_tasks o where o.named_task_id = d.named_task_id)
      and (p_named_task_ids is null or d.named_task_id = any (p_named_task_ids))
    group by d.handler
  )
  select n.handler, n.templates,
    (select count(*) from treadle.ready_steps r where r.handler = n.handler),
    (select min(h.runtime) from treadle.handler_runtimes() h where h.handler = n.handler)
  from named n
  where not exists (select from served v where v.handler = n.handler)
  order by n.handler
$$;
