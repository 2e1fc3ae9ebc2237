-- Finds claims whose worker is dead (its lease ran out, or its row is gone) and gives the steps back: in_progress ->
-- error with worker_lost, one attempt counted, ready again at once when attempts are left. The dead worker's row goes, so
-- that its late answers find no claim. Returns the tasks concerned; they are woken in the same transaction.
create or replace function treadle.take_back_lost_steps() returns setof bigint
language plpgsql
as $$
declare
  v_now timestamptz := treadle.now();
  v_lost record;
  v_task_ids bigint[];
begin
  select array_agg(distinct c.task_id) into v_task_ids
  from treadle.claims c
  where not exists (
    select from treadle.workers w
    where w.worker_id = c.worker_id and w.epoch = c.epoch and w.expires_at > v_now
  );
  delete from treadle.workers w where w.expires_at <= v_now;
  if v_task_ids is null then
    return;
  end if;

  perform treadle.lock_tasks(v_task_ids);
  for v_lost in
    select c.worker_id, c.epoch, array_agg(c.workflow_step_id order by c.workflow_step_id) as step_ids,
      array_agg(c.claim_id order by c.workflow_step_id) as claim_ids
    from treadle.claims c
    where c.task_id = any (v_task_ids)
      and not exists (
        select from treadle.workers w where w.worker_id = c.worker_id and w.epoch = c.epoch
      )
    group by c.worker_id, c.epoch
  loop
    perform treadle.record_outcomes(
      v_lost.worker_id, v_lost.epoch, v_lost.claim_ids, v_lost.step_ids,
      array_fill('fail'::text, array[cardinality(v_lost.step_ids)]),
      array_fill(
        '{"error": "the worker process died", "error_class": "Treadle::WorkerLost", "backtrace": ""}'::jsonb,
        array[cardinality(v_lost.step_ids)]
      ),
      array_fill(
        '{"code": "worker_lost", "error_message": "the worker process died", "triggered_by": "recovery"}'::jsonb,
        array[cardinality(v_lost.step_ids)]
      ),
      array_fill(0::double precision, array[cardinality(v_lost.step_ids)])
    );
  end loop;
  return query select unnest(v_task_ids);
end
$$;
