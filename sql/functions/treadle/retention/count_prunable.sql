-- What prune_tasks would remove, by template: tasks, their steps, and all rows of the Rails tables.
create or replace function treadle.count_prunable(p_states text[], p_age interval, p_namespace text)
returns table (template text, tasks bigint, steps bigint, row_count bigint)
language plpgsql volatile
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_before timestamp := treadle.utc_now() - p_age;
  v_named integer[] := treadle.named_task_ids(p_namespace, null);
begin
  return query
  with doomed as materialized (
    select p.task_id
    from (values (false), (true)) as half (complete)
    cross join lateral treadle.prunable_tasks(
      p_states, v_before, v_named, half.complete, '-infinity', 0, null
    ) p
  ),
  parts as (
    select d.task_id, 1 as tasks, 0 as steps from doomed d
    union all
    select s.task_id, 0, 1 from doomed d join public.tasker_workflow_steps s on s.task_id = d.task_id
    union all
    select s.task_id, 0, 0
    from doomed d
    join public.tasker_workflow_steps s on s.task_id = d.task_id
    join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id
    union all
    select s.task_id, 0, 0
    from doomed d
    join public.tasker_workflow_steps s on s.task_id = d.task_id
    join public.tasker_workflow_step_edges e on e.to_step_id = s.workflow_step_id
    union all
    select c.task_id, 0, 0 from doomed d join public.tasker_task_transitions c on c.task_id = d.task_id
    union all
    select a.task_id, 0, 0 from doomed d join public.tasker_task_annotations a on a.task_id = d.task_id
  )
  select s.name || '/' || n.name || '@' || n.version, sum(p.tasks), sum(p.steps), count(*)
  from parts p
  join public.tasker_tasks t on t.task_id = p.task_id
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  group by 1
  order by 1;
end
$$;
