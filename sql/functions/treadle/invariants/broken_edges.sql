-- Violations in edges: see check_invariants. One edge for a pair, inside one task, named as Rails names them, and no circles.
create or replace function treadle.broken_edges(p_task_ids bigint[])
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language plpgsql
stable
as $$
#variable_conflict use_column
begin
  return query
  with edges as (
    select e.id, e.name, e.from_step_id, e.to_step_id, f.task_id, t.task_id as to_task_id,
      row_number() over (partition by e.from_step_id, e.to_step_id order by e.id) as copy
    from public.tasker_workflow_step_edges e
    join public.tasker_workflow_steps f on f.workflow_step_id = e.from_step_id
    join public.tasker_workflow_steps t on t.workflow_step_id = e.to_step_id
    where p_task_ids is null or f.task_id = any (p_task_ids)
  )
  select 'edges_inside', 'edge', e.id, e.task_id, 'leads into task ' || e.to_task_id
  from edges e
  where e.task_id <> e.to_task_id
  union all
  select 'edge_pairs', 'edge', e.id, e.task_id, 'the same as another: ' || e.from_step_id || ' -> ' || e.to_step_id
  from edges e
  where e.copy > 1
  union all
  select 'edge_names', 'edge', e.id, e.task_id, 'must be named provides, and is ' || e.name
  from edges e
  where e.name <> 'provides'
  union all
  select 'acyclic', 'task', c.task_id, c.task_id, 'its steps wait for each other in a circle: ' || array_to_string(c.step_ids, ', ')
  from treadle.circles(p_task_ids) c;
end
$$;
