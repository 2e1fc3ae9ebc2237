-- Declares workers dead and gives their steps back: in_progress -> error with worker_lost, one attempt counted, offered
-- again in the same transaction when attempts are left. Dead is a worker whose lease ran out, or one of p_absent whose lock
-- nobody holds (callers have looked twice). Its row goes, so that its late answers find no claim. A worker that is claiming
-- right now waits for the next round. Returns the steps concerned, and what follows from their loss; no row when there was
-- none. All engines are told to look for steps: also what the dead made ready and had no time to speak of.
create or replace function treadle.take_back_lost_steps(p_absent bigint[] default '{}')
returns table (lost jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_claims record;
  v_recorded record;
begin
  lost := '[]';
  ready_handlers := '[]';
  finalized := '[]';
  wakeups := 0;
  delete from treadle.workers
  where worker_id = any (array(
    select w.worker_id
    from treadle.workers w
    where treadle.may_judge(w.heartbeat_at)
      and (
        w.expires_at <= v_now
        or (w.worker_id = any (p_absent) and case when w.session_lock then treadle.is_absent(w.worker_id) else false end)
      )
    order by w.worker_id
    for update skip locked
  ))
  and (
    select pg_try_advisory_xact_lock(l.classid, l.objid) from treadle.worker_lock('claiming', worker_id) l
  );

  if found then
    perform pg_notify('treadle', 'ready');
  end if;

  perform treadle.lock_tasks(array(select distinct k.task_id from treadle.lost_claims() k));
  for v_claims in
    select k.worker_id, k.epoch, array_agg(k.claim_id order by k.claim_id) as claim_ids,
      array_agg(k.workflow_step_id order by k.claim_id) as step_ids, array_agg(k.delay_ms order by k.claim_id) as delays
    from treadle.lost_claims() k
    group by k.worker_id, k.epoch
  loop
    select r.* into v_recorded
    from treadle.record_outcomes(
      v_claims.worker_id, v_claims.epoch, v_claims.claim_ids, v_claims.step_ids,
      array_fill('fail'::text, array[cardinality(v_claims.step_ids)]),
      array_fill(
        '{"error": "the worker process died", "error_class": "Treadle::WorkerLost", "backtrace": ""}'::jsonb,
        array[cardinality(v_claims.step_ids)]
      ),
      array_fill(
        '{"code": "worker_lost", "error_message": "the worker process died", "triggered_by": "recovery"}'::jsonb,
        array[cardinality(v_claims.step_ids)]
      ),
      v_claims.delays
    ) r;
    lost := lost || treadle.lost_steps(v_claims.step_ids, v_claims.claim_ids, v_recorded.refused_claim_ids);
    ready_handlers := ready_handlers || v_recorded.ready_handlers;
    finalized := finalized || v_recorded.finalized;
    wakeups := wakeups + v_recorded.wakeups;
  end loop;
  if lost <> '[]' then
    perform pg_notify('treadle', 'ready'); -- equal notifications of one transaction arrive once
    return next;
  end if;
end
$$;
