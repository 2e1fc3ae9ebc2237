-- Tasks of which steps wait for each other in a circle, with those steps. Steps are made parents first, so that only a task with an edge
-- from a later to an earlier step is looked at: from its edges goes what nothing leads to and what leads nowhere, again and again.
create or replace function treadle.circles(p_task_ids bigint[]) returns table (task_id bigint, step_ids bigint[])
language sql
stable
as $$
  with recursive peeled as (
    select coalesce(array_agg(e.from_step_id), '{}') as sources, coalesce(array_agg(e.to_step_id), '{}') as targets
    from public.tasker_workflow_step_edges e
    join public.tasker_workflow_steps s on s.workflow_step_id = e.from_step_id
    where s.task_id in (
      select b.task_id
      from public.tasker_workflow_step_edges back
      join public.tasker_workflow_steps b on b.workflow_step_id = back.from_step_id
      where back.from_step_id >= back.to_step_id and (p_task_ids is null or b.task_id = any (p_task_ids))
    )
    union all
    select rest.sources, rest.targets
    from peeled p
    cross join lateral (
      select coalesce(array_agg(e.source), '{}') as sources, coalesce(array_agg(e.target), '{}') as targets
      from unnest(p.sources, p.targets) as e (source, target)
      where e.source in (select unnest(p.targets)) and e.target in (select unnest(p.sources))
    ) rest
    where cardinality(rest.sources) < cardinality(p.sources)
  )
  select s.task_id, array_agg(s.workflow_step_id order by s.workflow_step_id)
  from public.tasker_workflow_steps s
  where s.workflow_step_id in (
    select unnest(p.sources)
    from (select sources from peeled order by cardinality(sources) limit 1) p
  )
  group by s.task_id
$$;
