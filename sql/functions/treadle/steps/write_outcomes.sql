-- Writes outcomes into the audit trail and the step rows. Returns what they mean for the tasks: the steps that are complete,
-- those that may run again at once, the tasks that must be woken for a retry, and all tasks that were touched. Steps that
-- another hand has moved meanwhile are left alone, and are not among those `moved`.
create or replace function treadle.write_outcomes(
  p_outcomes treadle.outcome[],
  p_at timestamp,
  out moved bigint[],
  out completed bigint[],
  out due bigint[],
  out retrying bigint[],
  out task_ids bigint[]
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
as $$
begin
  moved := array(
    select m.step_id
    from (
      select array_agg(o.workflow_step_id) as step_ids, array_agg(o.event) as events, array_agg(o.metadata) as metadata,
        array_agg(o.started_at) as started_at
      from (select * from unnest(p_outcomes) order by workflow_step_id) o
    ) a
    cross join lateral treadle.transition_steps(a.step_ids, a.events, a.metadata, p_at, a.started_at) as m (step_id)
  );

  with written as (
    update public.tasker_workflow_steps s
    set attempts = o.attempts,
      last_attempted_at = p_at,
      processed = o.event = 'complete',
      processed_at = case when o.event = 'complete' then p_at end,
      in_process = false,
      results = o.results,
      backoff_request_seconds = o.backoff_seconds,
      updated_at = p_at
    from unnest(p_outcomes) o
    where s.workflow_step_id = any (moved) and s.workflow_step_id = o.workflow_step_id
    returning s.workflow_step_id, s.task_id, o.event, o.backoff_seconds
  )
  select array_agg(w.workflow_step_id) filter (where w.event = 'complete'),
    array_agg(w.workflow_step_id) filter (where w.backoff_seconds = 0),
    array_agg(distinct w.task_id) filter (where w.backoff_seconds is not null),
    array_agg(distinct w.task_id)
  into completed, due, retrying, task_ids
  from written w;
end
$$;
