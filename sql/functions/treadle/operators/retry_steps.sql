-- Retries failed steps with a fresh allowance of attempts, at once; their tasks go on by themselves, failed ones too.
-- `results` has one entry per id: done, or refused with why; `steps` are the steps that moved, `reopened` the failed tasks
-- that run again. Raises TR007 when p_by is missing.
create or replace function treadle.retry_steps(p_step_ids bigint[], p_by text, p_reason text default null)
returns table (results jsonb, steps jsonb, reopened jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_metadata jsonb := treadle.operator_metadata(p_by, p_reason);
  v_expected text[] := array['error'];
begin
  perform treadle.lock_tasks_of_steps(p_step_ids);
  perform treadle.withdraw_steps(p_step_ids);
  select treadle.named_moves(array_agg(r.workflow_step_id), array_agg(r.from_state), 'pending') into steps
  from treadle.retry_failed_steps(p_step_ids, v_metadata) r;
  results := treadle.step_results(p_step_ids, steps, v_expected);
  select f.results, f.reopened, f.ready_handlers, f.finalized, f.wakeups
  into results, reopened, ready_handlers, finalized, wakeups
  from treadle.follow_up(p_step_ids, results, steps, v_metadata) f;
  return next;
end
$$;
