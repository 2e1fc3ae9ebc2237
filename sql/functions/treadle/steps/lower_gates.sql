-- These steps are complete: lowers the gates of their children, and returns the children that no parent holds back any
-- more. Callers hold the locks of the tasks.
create or replace function treadle.lower_gates(p_step_ids bigint[]) returns bigint[]
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
as $$
declare
  v_children bigint[];
  v_parents integer[];
  v_edges bigint[];
  v_lowered bigint[];
  v_opened bigint[];
begin
  select array_agg(e.to_step_id), array_agg(e.parents), array_agg(e.edges)
  into v_children, v_parents, v_edges
  from (
    select e.to_step_id, count(distinct e.from_step_id)::integer as parents, count(*) as edges
    from public.tasker_workflow_step_edges e
    where e.from_step_id = any (p_step_ids)
    group by e.to_step_id
    order by e.to_step_id
  ) e;
  if v_children is null then
    return '{}';
  end if;

  perform 1
  from treadle.gates g
  where g.workflow_step_id = any (v_children)
  order by g.workflow_step_id
  for update;

  with lowered as (
    update treadle.gates g
    set open_parents = g.open_parents - e.parents
    from unnest(v_children, v_parents) as e (to_step_id, parents)
    where g.workflow_step_id = any (v_children) and g.workflow_step_id = e.to_step_id
    returning g.workflow_step_id, g.open_parents
  )
  select coalesce(array_agg(l.workflow_step_id), '{}'),
    coalesce(array_agg(l.workflow_step_id) filter (where l.open_parents = 0), '{}')
  into v_lowered, v_opened
  from lowered l;

  -- a child without a gate has a single parent, unless its gate was lost: then the sweep decides
  return v_opened || array(
    select c.id
    from unnest(v_children, v_edges) as c (id, edges)
    where c.id not in (select id from unnest(v_lowered) id)
      and (select count(*) from public.tasker_workflow_step_edges e where e.to_step_id = c.id) = c.edges
  );
end
$$;
