-- The neighbours of every step, as ascending id arrays, and how far it is from the nearest root: null beyond 50 and where
-- no root leads. Asking for one task or one step walks that task only: the walk hangs on the task's row, so it is done
-- once per task, and it keeps (step, depth) pairs rather than paths, so that cycles and ladders end.
create or replace view public.tasker_step_dag_relationships as
select
  s.workflow_step_id,
  s.task_id,
  s.named_step_id,
  coalesce(parents.ids, '[]') as parent_step_ids,
  coalesce(children.ids, '[]') as child_step_ids,
  coalesce(parents.total, 0) as parent_count,
  coalesce(children.total, 0) as child_count,
  coalesce(parents.total, 0) = 0 as is_root_step,
  coalesce(children.total, 0) = 0 as is_leaf_step,
  (walk.depths ->> s.workflow_step_id::text)::integer as min_depth_from_root
from public.tasker_tasks t
left join lateral (
  with recursive reached (step_id, depth) as (
    select root.workflow_step_id, 0
    from public.tasker_workflow_steps root
    where root.task_id = t.task_id
      and not exists (select from public.tasker_workflow_step_edges e where e.to_step_id = root.workflow_step_id)
    union
    select e.to_step_id, r.depth + 1
    from reached r
    join public.tasker_workflow_step_edges e on e.from_step_id = r.step_id
    where r.depth < 50
  )
  select jsonb_object_agg(nearest.step_id, nearest.depth) as depths
  from (
    select r.step_id, min(r.depth) as depth
    from reached r
    group by r.step_id
  ) nearest
) walk on true
join public.tasker_workflow_steps s on s.task_id = t.task_id
left join lateral (
  select jsonb_agg(e.from_step_id order by e.from_step_id) as ids, count(*) as total
  from public.tasker_workflow_step_edges e
  where e.to_step_id = s.workflow_step_id
) parents on true
left join lateral (
  select jsonb_agg(e.to_step_id order by e.to_step_id) as ids, count(*) as total
  from public.tasker_workflow_step_edges e
  where e.from_step_id = s.workflow_step_id
) children on true;
