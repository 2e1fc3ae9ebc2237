-- Records the outcomes of many steps of any number of tasks in one transaction: the audit rows, the step rows, the
-- children that became ready, the end of the tasks, and the wake-ups for what must run later. An outcome counts only if
-- this worker still holds this very claim under this epoch; the others change nothing and come back in refused_claim_ids.
-- Arrays run in parallel. p_events: complete | fail | release (given back without an attempt counted, ready at once).
-- p_delay_ms: wait before the next attempt (0: it is offered in this transaction), null when there is none to come
-- (permanent failure). Locks: tasks, then steps, then gates.
create or replace function treadle.record_outcomes(
  p_worker_id bigint,
  p_epoch integer,
  p_claim_ids bigint[],
  p_step_ids bigint[],
  p_events text[],
  p_results jsonb[],
  p_metadata jsonb[],
  p_delay_ms double precision[]
) returns table (refused_claim_ids jsonb, finalized jsonb, ready_handlers jsonb, wakeups integer)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_outcomes treadle.outcome[];
  v_moved bigint[];
  v_completed bigint[];
  v_retrying bigint[];
  v_due bigint[];
  v_task_ids bigint[];
begin
  perform treadle.plan_for(cardinality(p_step_ids));
  perform treadle.lock_tasks(array(
    select distinct c.task_id
    from treadle.claims c
    where c.workflow_step_id = any (p_step_ids) and c.worker_id = p_worker_id and c.epoch = p_epoch
  ));

  v_outcomes := array(
    select treadle.held_outcomes(
      p_worker_id, p_epoch, p_claim_ids, p_step_ids, p_events, p_results, p_metadata, p_delay_ms, v_now
    )
  );
  v_moved := array(
    select moved.step_id
    from (
      select array_agg(o.workflow_step_id order by o.workflow_step_id) as step_ids,
        array_agg(o.event order by o.workflow_step_id) as events,
        array_agg(o.metadata order by o.workflow_step_id) as metadata
      from unnest(v_outcomes) o
    ) a
    cross join lateral treadle.transition_steps(
      a.step_ids, a.events, a.metadata, v_now at time zone 'UTC'
    ) as moved (step_id)
  );

  with written as (
    update public.tasker_workflow_steps s
    set attempts = o.attempts,
      last_attempted_at = v_now at time zone 'UTC',
      processed = o.event = 'complete',
      processed_at = case when o.event = 'complete' then v_now at time zone 'UTC' end,
      in_process = false,
      results = o.results,
      backoff_request_seconds = o.backoff_seconds,
      updated_at = v_now at time zone 'UTC'
    from unnest(v_outcomes) o
    where s.workflow_step_id = o.workflow_step_id
      and s.workflow_step_id = any (v_moved)
    returning s.workflow_step_id, s.task_id, o.event, o.backoff_seconds
  )
  select array_agg(w.workflow_step_id) filter (where w.event = 'complete'),
    array_agg(distinct w.task_id) filter (where w.backoff_seconds is not null),
    array_agg(w.workflow_step_id) filter (where w.backoff_seconds = 0),
    array_agg(distinct w.task_id)
  into v_completed, v_retrying, v_due, v_task_ids
  from written w;

  ready_handlers := treadle.open_children(v_completed);
  if v_due is not null then -- what may run again at once needs no trip through the queue
    ready_handlers := ready_handlers || treadle.offer_steps(v_due);
  end if;
  finalized := treadle.finalize_tasks(v_task_ids);
  wakeups := treadle.wake_for_retries(v_retrying);
  refused_claim_ids := (
    select coalesce(jsonb_agg(r.claim_id), '[]')
    from unnest(p_claim_ids, p_step_ids) as r (claim_id, step_id)
    where r.step_id <> all (v_moved)
  );
  return next;
end
$$;
