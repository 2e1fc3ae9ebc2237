-- Gives steps that can run to a worker: pending -> in_progress, or error -> pending -> in_progress for a retry, and the
-- claim, which is on disk before the handler starts. p_late_start: the in_progress row of a first attempt is left to be
-- written with the outcome, or by write_starts when the step runs for longer. Steps that somebody else has moved meanwhile
-- are not given. Arrays run in parallel. The step row is not touched (the transition row is the claim that Rails sees).
create or replace function treadle.begin_claims(
  p_worker_id bigint,
  p_epoch integer,
  p_step_ids bigint[],
  p_task_ids bigint[],
  p_late_start boolean,
  p_at timestamptz,
  out step_ids bigint[],
  out claim_ids bigint[]
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_retries bigint[];
  v_gone bigint[];
  v_started bigint[];
begin
  select coalesce(array_agg(t.workflow_step_id) filter (where t.to_state = 'error'), '{}'),
    coalesce(array_agg(t.workflow_step_id) filter (where t.to_state not in ('pending', 'error')), '{}')
  into v_retries, v_gone
  from public.tasker_workflow_step_transitions t
  where t.workflow_step_id = any (p_step_ids) and t.most_recent;

  if cardinality(v_retries) > 0 then
    perform treadle.move_steps(v_retries, 'retry', p_worker_id, p_at);
  end if;
  if not p_late_start then
    v_started := array(select treadle.move_steps(p_step_ids, 'start', p_worker_id, p_at));
  elsif cardinality(v_retries) > 0 then
    v_started := array(select treadle.move_steps(v_retries, 'start', p_worker_id, p_at));
  end if;

  with given as (
    insert into treadle.claims (workflow_step_id, task_id, worker_id, epoch, claimed_at, on_record)
    select t.step_id, t.task_id, p_worker_id, p_epoch, p_at, not p_late_start or t.step_id = any (v_retries)
    from unnest(p_step_ids, p_task_ids) as t (step_id, task_id)
    where case
      when p_late_start and t.step_id <> all (v_retries) then t.step_id <> all (v_gone)
      else t.step_id = any (v_started)
    end
    returning workflow_step_id, claim_id
  )
  select array_agg(g.workflow_step_id), array_agg(g.claim_id)
  into step_ids, claim_ids
  from given g;
end
$$;
