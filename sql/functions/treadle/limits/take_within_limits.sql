-- What claim_steps takes when there are limits: steps without any in the order of their age, steps with limits by turns
-- (limited_candidates), and of both alternately when a crew has fewer slots than could be used. Returns the steps in the
-- order of their ids, the groups of those that are counted (as JSON, by the id of the step), unsettled as
-- limited_candidates says it, and the handlers that are locked. Of a handler that is out of order (renew_lanes) nothing is taken.
create or replace function treadle.take_within_limits(
  p_handlers text[],
  p_crews integer[],
  p_slots integer[],
  p_paused boolean,
  out step_ids bigint[],
  out task_ids bigint[],
  out group_ids jsonb,
  out unsettled boolean,
  out locked text[]
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_locked constant text[] := treadle.lock_limits(p_handlers, treadle.now());
  v_at timestamptz := treadle.now(); -- a statement of its own: the locks may have come late
  v_crews integer[] := array(
    select h.crew from unnest(v_locked) as l (handler) join unnest(p_handlers, p_crews) as h (handler, crew) using (handler)
  );
  v_limited record;
  v_lanes bigint[];
begin
  v_limited := treadle.limited_candidates(v_locked, v_crews, p_slots, p_paused, v_at);
  group_ids := v_limited.group_ids;

  with candidates as (
    select r.workflow_step_id, wanted.crew, r.priority,
      row_number() over (partition by wanted.crew order by r.priority desc, r.workflow_step_id) as turn
    from unnest(p_handlers, p_crews) as wanted (handler, crew)
    cross join lateral (
      select r.workflow_step_id, r.priority
      from treadle.ready_steps r
      where r.handler = wanted.handler and not r.held and r.lane_id is null
        and (not p_paused or not treadle.is_paused(r.task_id, r.handler))
      order by r.priority desc, r.workflow_step_id
      limit p_slots[wanted.crew]
      for update skip locked
    ) r
    where not exists (select from treadle.limited_handlers l where l.handler = wanted.handler offset 0)
    union all
    select l.step_id, l.crew, r.priority, row_number() over (partition by l.crew order by r.priority desc, l.turn)
    from unnest(v_limited.step_ids, v_limited.crews) with ordinality as l (step_id, crew, turn)
    join treadle.ready_steps r on r.workflow_step_id = l.step_id
  ),
  placed as (
    select c.workflow_step_id, c.crew,
      row_number() over (partition by c.crew order by c.priority desc, c.turn, c.workflow_step_id) as place
    from candidates c
  ),
  taken as (
    delete from treadle.ready_steps
    where workflow_step_id = any (array(select p.workflow_step_id from placed p where p.place <= p_slots[p.crew]))
    returning workflow_step_id, task_id, lane_id
  )
  select array_agg(t.workflow_step_id order by t.workflow_step_id), array_agg(t.task_id order by t.workflow_step_id),
    array_agg(distinct t.lane_id) filter (where t.lane_id is not null)
  into step_ids, task_ids, v_lanes
  from taken t;

  update treadle.lanes set served_at = v_at where lane_id = any (v_lanes);
  perform treadle.close_lanes(v_lanes);
  unsettled := v_limited.unsettled;
  locked := v_locked;
end
$$;
