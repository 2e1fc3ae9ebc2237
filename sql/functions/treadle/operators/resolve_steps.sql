-- Resolves steps by hand (pending or error -> resolved_manually): their children may run, and see p_results when they are
-- given (else the results that the step has). A running step is refused unless p_force: then it is taken away from its
-- worker first, as a failed attempt. Tasks go on by themselves, failed ones too. Returns what retry_steps returns.
create or replace function treadle.resolve_steps(
  p_step_ids bigint[],
  p_by text,
  p_reason text default null,
  p_results jsonb default null,
  p_force boolean default false
) returns table (results jsonb, steps jsonb, reopened jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_metadata jsonb := treadle.operator_metadata(p_by, p_reason) || jsonb_build_object('resolved_by', p_by);
  v_expected text[] := array['pending', 'error'] || case when p_force then array['in_progress'] else '{}' end;
  v_ids bigint[];
  v_states text[];
  v_moved bigint[];
begin
  perform treadle.lock_tasks_of_steps(p_step_ids);
  perform treadle.withdraw_steps(p_step_ids);
  select array_agg(r.step_id order by r.step_id), array_agg(r.state order by r.step_id)
  into v_ids, v_states
  from treadle.resolvable_steps(p_step_ids, v_expected) r;

  perform treadle.fail_running_steps(
    array(select m.id from unnest(v_ids, v_states) as m (id, state) where m.state = 'in_progress'),
    v_metadata, v_now
  );
  v_moved := array(select treadle.send_to_steps(v_ids, 'resolve', v_metadata, v_now));
  update public.tasker_workflow_steps s
  set processed = true, processed_at = v_now, in_process = false, backoff_request_seconds = null,
    results = coalesce(p_results, s.results), updated_at = v_now
  where s.workflow_step_id = any (v_moved);

  steps := treadle.named_moves(
    array(select m.id from unnest(v_ids, v_states) as m (id, state) where m.id = any (v_moved)),
    array(select m.state from unnest(v_ids, v_states) as m (id, state) where m.id = any (v_moved)),
    'resolved_manually'
  );
  results := treadle.step_results(p_step_ids, steps, v_expected);
  select f.results, f.reopened, f.ready_handlers, f.finalized, f.wakeups
  into results, reopened, ready_handlers, finalized, wakeups
  from treadle.follow_up(p_step_ids, results, steps, v_metadata) f;
  return next;
end
$$;
