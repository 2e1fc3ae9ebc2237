-- Records the outcomes of many steps of any number of tasks in one transaction: the audit rows, the step rows, the
-- children that became ready, the end of the tasks, and the wake-ups for what must run later. An outcome counts only if
-- this worker still holds this very claim under this epoch; the others change nothing and come back in refused_claim_ids.
-- Up to p_capacity of the children are claimed for the worker at once, if it serves their handlers (p_handlers) and lives:
-- further rows bring their documents in `delivery`, without the results that are recorded here and without p_known_tasks
-- (see delivery). Arrays run in parallel. p_events: complete | fail | release (given back without an attempt counted, ready
-- at once). p_delay_ms: wait before the next attempt (0: it is offered in this transaction), null when there is none to come
-- (permanent failure). p_late_start: see begin_claims; p_crews, p_slots: see claim_steps.
-- Locks: what a claim takes, then tasks, then steps, then gates.
create or replace function treadle.record_outcomes(
  p_worker_id bigint,
  p_epoch integer,
  p_claim_ids bigint[],
  p_step_ids bigint[],
  p_events text[],
  p_results jsonb[],
  p_metadata jsonb[],
  p_delay_ms double precision[],
  p_handlers text[] default '{}',
  p_capacity integer default 0,
  p_late_start boolean default false,
  p_known_tasks jsonb default '{}',
  p_crews integer[] default null,
  p_slots integer[] default null
) returns table (refused_claim_ids jsonb, finalized jsonb, ready_handlers jsonb, wakeups integer, delivery json)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_capacity integer := case when p_capacity > 0 and treadle.is_alive(p_worker_id, p_epoch) then p_capacity else 0 end;
  v_outcomes treadle.outcome[];
  v_written record;
  v_limited boolean;
  v_busy_tasks bigint[];
  v_handed_steps bigint[];
  v_handed_claims bigint[];
begin
  perform treadle.lock_tasks(array(
    select distinct c.task_id
    from treadle.claims c
    where c.workflow_step_id = any (p_step_ids) and c.worker_id = p_worker_id and c.epoch = p_epoch
  ));
  v_now := treadle.now();
  v_outcomes := array(
    select treadle.held_outcomes(
      p_worker_id, p_epoch, p_claim_ids, p_step_ids, p_events, p_results, p_metadata, p_delay_ms, v_now
    )
  );
  v_written := treadle.write_outcomes(v_outcomes, v_now at time zone 'UTC');

  ready_handlers := '[]';
  if v_written.completed is not null then
    select o.ready_handlers, o.task_ids, o.step_ids, o.claim_ids
    into ready_handlers, v_busy_tasks, v_handed_steps, v_handed_claims
    from treadle.lower_gates(v_written.completed) as opened (ids)
    cross join lateral treadle.offer_steps(
      opened.ids, true, p_worker_id, p_epoch, p_handlers, v_capacity, p_late_start, p_crews, p_slots
    ) o
    where cardinality(opened.ids) > 0;
    ready_handlers := coalesce(ready_handlers, '[]');
  end if;
  if v_written.due is not null then -- what may run again at once needs no trip through the queue
    ready_handlers := ready_handlers || (select o.ready_handlers from treadle.offer_steps(v_written.due) o);
  end if;
  finalized := treadle.finalize_tasks(array(select unnest(v_written.task_ids) except select unnest(v_busy_tasks)));
  wakeups := treadle.wake_for_retries(v_written.retrying);
  select coalesce(jsonb_agg(r.claim_id), '[]'), exists (select from treadle.limited_handlers)
  into refused_claim_ids, v_limited
  from unnest(p_claim_ids, p_step_ids) as r (claim_id, step_id)
  where r.step_id not in (select id from unnest(v_written.moved) id); -- hashed; `<> all` would look through all of them
  if v_limited then -- what the slots of these claims come free for
    ready_handlers := ready_handlers || treadle.freed_handlers(p_claim_ids);
  end if;
  return next;
  for delivery in select treadle.deliveries(v_handed_steps, v_handed_claims, v_written.completed, p_known_tasks) loop
    return next;
  end loop;
end
$$;
