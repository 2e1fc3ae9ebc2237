-- Takes the running steps of these tasks from their workers: in_progress -> error with timed_out, for good. The engines are
-- told to stop the handlers. Callers hold the locks of the tasks, and have ended them.
create or replace function treadle.time_out_claims(p_task_ids bigint[]) returns void
language plpgsql
as $$
declare
  v_held record;
begin
  for v_held in
    select c.worker_id, c.epoch, array_agg(c.claim_id order by c.workflow_step_id) as claim_ids,
      array_agg(c.workflow_step_id order by c.workflow_step_id) as step_ids, count(*)::integer as steps
    from treadle.claims c
    where c.task_id = any (p_task_ids)
    group by c.worker_id, c.epoch
  loop
    perform treadle.record_outcomes(
      v_held.worker_id, v_held.epoch, v_held.claim_ids, v_held.step_ids, array_fill('fail'::text, array[v_held.steps]),
      array_fill(
        '{"error": "the deadline of the task passed", "error_class": "Treadle::DeadlineExceeded", "backtrace": ""}'::jsonb,
        array[v_held.steps]
      ),
      array_fill(
        '{"code": "timed_out", "error_message": "the deadline of the task passed", "triggered_by": "deadline"}'::jsonb,
        array[v_held.steps]
      ),
      array_fill(null::double precision, array[v_held.steps])
    );
    perform pg_notify('treadle', 'revoked'); -- equal notifications of one transaction arrive once
  end loop;
end
$$;
