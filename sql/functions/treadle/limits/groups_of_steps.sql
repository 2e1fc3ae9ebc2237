-- The groups in which these steps of a handler are counted, none for a step that no limit concerns; those that are not
-- there yet are made. Callers hold the locks of lock_limits.
create or replace function treadle.groups_of_steps(p_handler text, p_step_ids bigint[], p_at timestamptz)
returns table (workflow_step_id bigint, group_ids bigint[])
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off -- but where a row is looked up for each: thousands of steps may come at once
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
as $$
#variable_conflict use_column
begin
  return query
  with steps as materialized (
    select i.id, s.named_step_id, t.named_task_id, t.context
    from unnest(p_step_ids) as i (id)
    cross join lateral (
      select s.task_id, s.named_step_id from public.tasker_workflow_steps s where s.workflow_step_id = i.id offset 0
    ) s
    cross join lateral (
      select t.named_task_id, t.context from public.tasker_tasks t where t.task_id = s.task_id offset 0
    ) t
  ),
  kinds as materialized (
    select k.named_task_id, k.named_step_id, l.limit_id, l.key
    from (select distinct s.named_task_id, s.named_step_id from steps s) k
    join public.tasker_named_tasks t on t.named_task_id = k.named_task_id
    join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
    cross join lateral treadle.step_definition(k.named_task_id, k.named_step_id) d
    join treadle.limits l on l.subject = treadle.limit_subject(l.scope, p_handler, n.name, t.name, d.step_name)
  ),
  counted as materialized (
    select s.id, k.limit_id, case when k.key is null then '' else treadle.limit_key(k.key, s.context) end as key
    from steps s
    join kinds k on k.named_task_id = s.named_task_id and k.named_step_id = s.named_step_id
  ),
  groups as (
    insert into treadle.limit_groups as g (limit_id, key, used_at)
    select distinct c.limit_id, c.key, p_at
    from counted c
    on conflict (limit_id, key) do update set used_at = excluded.used_at
    returning g.group_id, g.limit_id, g.key
  ),
  grouped as (
    select c.id, array_agg(g.group_id order by g.group_id) as group_ids
    from counted c
    join groups g on g.limit_id = c.limit_id and g.key = c.key
    group by c.id
  )
  select s.id, coalesce(g.group_ids, '{}')
  from steps s
  left join grouped g on g.id = s.id;
end
$$;
