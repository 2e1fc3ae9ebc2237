-- The next steps of a lane after p_after, p_limit at most, locked. A lane of which nothing is left at all is taken away.
create or replace function treadle.next_of_lane(p_lane_id bigint, p_after bigint, p_limit integer, p_paused boolean)
returns bigint[]
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_step_ids bigint[] := array(
    select r.workflow_step_id
    from treadle.ready_steps r
    where r.lane_id = p_lane_id and not r.held and r.workflow_step_id > p_after
      and (not p_paused or not treadle.is_paused(r.task_id, r.handler))
    order by r.workflow_step_id
    limit p_limit
    for update skip locked
  );
begin
  if cardinality(v_step_ids) = 0 and p_after = 0 then
    perform treadle.close_lanes(array[p_lane_id]);
  end if;
  return v_step_ids;
end
$$;
