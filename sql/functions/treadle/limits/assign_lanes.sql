-- Puts the ready steps of a handler into lanes, p_limit of them at most: those that were offered since the last claim.
-- Steps that another transaction has in its hands are left to it. Callers hold the locks of lock_limits.
create or replace function treadle.assign_lanes(p_handler text, p_limit integer, p_at timestamptz) returns void
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off -- thousands may come at once
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
as $$
declare
  v_step_ids bigint[];
  v_priorities integer[];
begin
  select array_agg(r.workflow_step_id), array_agg(r.priority)
  into v_step_ids, v_priorities
  from (
    select r.workflow_step_id, r.priority
    from treadle.ready_steps r
    where r.handler = p_handler and not r.held and r.lane_id is null
    order by r.priority desc, r.workflow_step_id
    limit p_limit
    for update skip locked
  ) r;
  if v_step_ids is null then
    return;
  end if;
  with grouped as materialized (
    select g.workflow_step_id, r.priority, g.group_ids
    from treadle.groups_of_steps(p_handler, v_step_ids, p_at) g
    join unnest(v_step_ids, v_priorities) as r (id, priority) on r.id = g.workflow_step_id
  ),
  lanes as (
    insert into treadle.lanes as l (handler, priority, group_ids, served_at)
    select distinct p_handler, g.priority, g.group_ids, p_at
    from grouped g
    on conflict (group_ids, handler, priority) do update set handler = excluded.handler -- returned either way
    returning l.lane_id, l.priority, l.group_ids
  )
  update treadle.ready_steps r
  set lane_id = l.lane_id
  from grouped g
  join lanes l on l.priority = g.priority and l.group_ids = g.group_ids
  where r.workflow_step_id = any (v_step_ids) and r.workflow_step_id = g.workflow_step_id;
end
$$;
