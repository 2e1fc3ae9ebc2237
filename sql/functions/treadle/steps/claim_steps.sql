-- Gives a worker up to p_capacity steps that its handlers can run, with the claim on disk before the handler starts, and
-- returns the documents (see delivery) with all that the handlers need. Raises TR003 when the worker was declared dead.
-- Rows locked by another worker's claim are skipped, so workers never wait for each other. What is paused is not given,
-- even when it was offered by a transaction that did not know of the pause.
-- p_announce: the worker ran nothing until now; the others are told, so that they watch it closely.
-- Handlers that a limit concerns get what take_within_limits allows; while there are limits, a last row may say
-- {"look_again_in_ms": n}: more could be claimed then without anything happening before.
-- p_late_start: see begin_claims. p_crews: handlers with the same number (parallel to p_handlers) share slots, p_slots says how
-- many each number has; left out, all share p_capacity.
create or replace function treadle.claim_steps(
  p_worker_id bigint,
  p_epoch integer,
  p_handlers text[],
  p_capacity integer,
  p_announce boolean default false,
  p_late_start boolean default false,
  p_crews integer[] default null,
  p_slots integer[] default null
) returns setof json
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_crews integer[] := coalesce(p_crews, array_fill(1, array[cardinality(p_handlers)]));
  v_slots integer[] := coalesce(p_slots, array[p_capacity]);
  v_paused boolean;
  v_limited boolean;
  v_within record;
  v_step_ids bigint[];
  v_task_ids bigint[];
  v_given record;
  v_at timestamptz;
begin
  perform treadle.require_worker(p_worker_id, p_epoch);
  v_paused := treadle.heed_pauses();
  if v_paused then
    perform treadle.hold_candidates(p_handlers, p_capacity);
  end if;
  v_limited := exists (select from treadle.limited_handlers);
  if v_limited then
    v_within := treadle.take_within_limits(p_handlers, v_crews, v_slots, v_paused);
    v_step_ids := v_within.step_ids;
    v_task_ids := v_within.task_ids;
  else
    with candidates as (
      select r.workflow_step_id
      from (
        select r.workflow_step_id, wanted.crew,
          row_number() over (partition by wanted.crew order by r.priority desc, r.workflow_step_id) as place
        from unnest(p_handlers, v_crews) as wanted (handler, crew)
        cross join lateral (
          select r.workflow_step_id, r.priority
          from treadle.ready_steps r
          where r.handler = wanted.handler and not r.held and r.lane_id is null
            and (not v_paused or not treadle.is_paused(r.task_id, r.handler))
          order by r.priority desc, r.workflow_step_id
          limit v_slots[wanted.crew]
          for update skip locked
        ) r
      ) r
      where r.place <= v_slots[r.crew]
    ),
    taken as (
      delete from treadle.ready_steps
      where workflow_step_id = any (array(select c.workflow_step_id from candidates c))
      returning workflow_step_id, task_id
    )
    select array_agg(t.workflow_step_id order by t.workflow_step_id), array_agg(t.task_id order by t.workflow_step_id)
    into v_step_ids, v_task_ids
    from taken t;
  end if;

  v_at := treadle.now();
  if v_step_ids is not null then
    v_given := treadle.begin_claims(p_worker_id, p_epoch, v_step_ids, v_task_ids, p_late_start, v_at);
    if p_announce then
      perform pg_notify('treadle', 'busy');
    end if;
    if v_limited then
      perform treadle.count_starts(v_given.step_ids, v_given.claim_ids, v_within.group_ids, v_at);
    end if;
    return query select d from treadle.deliveries(v_given.step_ids, v_given.claim_ids) d;
  end if;
  if v_limited then
    return query
    select json_build_object('look_again_in_ms', ms)
    from treadle.look_again_in_ms(v_within.locked, v_within.unsettled, v_at) ms
    where ms is not null;
  end if;
end
$$;
