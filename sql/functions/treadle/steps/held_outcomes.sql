-- The outcomes whose claims this worker still holds, with what they mean for the step: the attempts that count afterwards
-- (a permanent failure uses them all up, so that Rails readers see it blocked; a release counts none) and the instant of
-- the next one, computed from the clock of the database, and when it began, if its start is still to be written. Gives
-- the claims back.
create or replace function treadle.held_outcomes(
  p_worker_id bigint,
  p_epoch integer,
  p_claim_ids bigint[],
  p_step_ids bigint[],
  p_events text[],
  p_results jsonb[],
  p_metadata jsonb[],
  p_delay_ms double precision[],
  p_now timestamptz
) returns setof treadle.outcome
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off
set enable_hashjoin = on -- the callers have it off
set enable_mergejoin = off
as $$
begin
  return query
  with reported as (
    select *
    from unnest(p_claim_ids, p_step_ids, p_events, p_results, p_metadata, p_delay_ms)
      as r (claim_id, step_id, event, results, metadata, delay_ms)
  ),
  held as (
    delete from treadle.claims c
    using reported r
    where c.workflow_step_id = r.step_id and c.claim_id = r.claim_id
      and c.workflow_step_id = any (p_step_ids)
      and c.worker_id = p_worker_id and c.epoch = p_epoch
    returning c.workflow_step_id, c.task_id, c.claim_id, c.claimed_at, c.on_record, r.event, r.results, r.metadata, r.delay_ms
  ),
  weighed as (
    select h.*, coalesce(s.attempts, 0) + 1 as attempt,
      case when s.retryable then coalesce(s.retry_limit, 3) else least(coalesce(s.retry_limit, 3), 1) end as allowance
    from held h
    join public.tasker_workflow_steps s
      on s.workflow_step_id = h.workflow_step_id and s.workflow_step_id = any (p_step_ids)
  ),
  judged as (
    select w.*,
      w.event = 'release' or (w.event = 'fail' and w.delay_ms is not null and w.attempt < w.allowance) as again
    from weighed w
  )
  select j.workflow_step_id, j.task_id, case j.event when 'release' then 'fail' else j.event end, j.results,
    j.metadata
      || jsonb_build_object(
        'attempt_number', j.attempt,
        'worker_id', p_worker_id,
        'claim_id', j.claim_id,
        'execution_duration', round(extract(epoch from p_now - j.claimed_at), 6)
      )
      || case when j.event = 'complete' then '{}' else jsonb_build_object('retry_available', j.again) end
      || case when not j.again then '{}' else jsonb_build_object(
        'backoff_seconds', round((j.delay_ms / 1000)::numeric, 3),
        'backoff_until', to_char(
          (p_now + j.delay_ms * interval '1 millisecond') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        )
      ) end,
    case
      when j.event = 'release' then j.attempt - 1
      when j.event = 'complete' or j.again then j.attempt
      else greatest(j.attempt, j.allowance)
    end,
    case when j.again then ceil(j.delay_ms / 1000)::integer end,
    case when not j.on_record then j.claimed_at at time zone 'UTC' end
  from judged j;
end
$$;
