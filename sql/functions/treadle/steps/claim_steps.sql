-- Gives a worker up to p_capacity steps that its handlers can run: pending -> in_progress, or error -> pending ->
-- in_progress for a retry, with the claim on disk before the handler starts. One round trip returns all that a handler
-- needs. The step row is not touched (the transition row is the claim that Rails sees). Raises TR003 when the worker
-- was declared dead. Rows locked by another worker's claim are skipped, so workers never wait for each other. What is
-- paused is not given, even when it was offered by a transaction that did not know of the pause.
-- p_announce: the worker ran nothing until now; the others are told, so that they watch it closely.
create or replace function treadle.claim_steps(
  p_worker_id bigint,
  p_epoch integer,
  p_handlers text[],
  p_capacity integer,
  p_announce boolean default false
) returns setof treadle.claimed_step
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := treadle.now();
  v_paused boolean;
  v_taken bigint[];
  v_retries bigint[];
  v_started bigint[];
begin
  perform treadle.require_worker(p_worker_id, p_epoch);
  v_paused := treadle.heed_pauses();
  if v_paused then
    perform treadle.hold_candidates(p_handlers, p_capacity);
  end if;

  with candidates as (
    select r.workflow_step_id, r.priority
    from unnest(p_handlers) as wanted (handler)
    cross join lateral (
      select r.workflow_step_id, r.priority
      from treadle.ready_steps r
      where r.handler = wanted.handler and not r.held and (not v_paused or not treadle.is_paused(r.task_id, r.handler))
      order by r.priority desc, r.workflow_step_id
      limit p_capacity
      for update skip locked
    ) r
    order by r.priority desc, r.workflow_step_id
    limit p_capacity
  ),
  taken as (
    delete from treadle.ready_steps
    where workflow_step_id = any (array(select c.workflow_step_id from candidates c))
    returning workflow_step_id
  )
  select array_agg(t.workflow_step_id order by t.workflow_step_id) into v_taken from taken t;
  if v_taken is null then
    return;
  end if;

  perform treadle.plan_for(cardinality(v_taken));
  select array_agg(t.workflow_step_id)
  into v_retries
  from public.tasker_workflow_step_transitions t
  where t.workflow_step_id = any (v_taken) and t.most_recent and t.to_state = 'error';
  if v_retries is not null then
    perform treadle.move_steps(v_retries, 'retry', p_worker_id, v_now);
  end if;
  v_started := array(select treadle.move_steps(v_taken, 'start', p_worker_id, v_now));

  insert into treadle.claims (workflow_step_id, task_id, worker_id, epoch, claimed_at)
  select s.workflow_step_id, s.task_id, p_worker_id, p_epoch, v_now
  from public.tasker_workflow_steps s
  where s.workflow_step_id = any (v_started);

  if p_announce then
    perform pg_notify('treadle', 'busy');
  end if;
  return query select * from treadle.delivered_steps(v_started);
end
$$;
