-- These steps are complete: lowers the gates of their children and makes ready those that nothing holds back any more.
-- Returns the distinct handlers of the steps that became ready. Callers hold the locks of the tasks.
create or replace function treadle.open_children(p_step_ids bigint[]) returns jsonb
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_children bigint[];
  v_lowered bigint[];
  v_opened bigint[];
begin
  if p_step_ids is null then
    return '[]';
  end if;
  select array_agg(distinct e.to_step_id)
  into v_children
  from public.tasker_workflow_step_edges e
  where e.from_step_id = any (p_step_ids);
  if v_children is null then
    return '[]';
  end if;

  perform treadle.plan_for(cardinality(v_children));
  perform 1
  from treadle.gates g
  where g.workflow_step_id = any (v_children)
  order by g.workflow_step_id
  for update;

  with ended as (
    select e.to_step_id, count(distinct e.from_step_id)::integer as parents
    from public.tasker_workflow_step_edges e
    where e.from_step_id = any (p_step_ids)
    group by e.to_step_id
  ),
  lowered as (
    update treadle.gates g
    set open_parents = g.open_parents - e.parents
    from ended e
    where g.workflow_step_id = e.to_step_id
    returning g.workflow_step_id, g.open_parents
  )
  select array_agg(l.workflow_step_id), array_agg(l.workflow_step_id) filter (where l.open_parents = 0)
  into v_lowered, v_opened
  from lowered l;

  -- a child without a gate has a single parent
  v_opened := coalesce(v_opened, '{}')
    || array(select c.id from unnest(v_children) as c (id) where c.id <> all (coalesce(v_lowered, '{}')));

  return treadle.offer_steps(v_opened);
end
$$;
