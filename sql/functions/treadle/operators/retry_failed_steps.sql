-- Gives steps a fresh allowance of attempts and makes them run at once: failed ones (error -> pending), also while they
-- wait for their next attempt, and pending ones that can never run because no attempt is left or somebody flagged them
-- (-> error -> pending, so that it is audited). Others, and those of ended tasks, are left alone. Returns what moved.
-- Callers hold the locks of the tasks, and let them go on.
create or replace function treadle.retry_failed_steps(p_step_ids bigint[], p_metadata jsonb)
returns table (workflow_step_id bigint, task_id bigint, from_state text)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamp := treadle.utc_now();
  v_ids bigint[];
  v_states text[];
  v_metadata jsonb[];
  v_moved bigint[];
begin
  perform treadle.plan_for(cardinality(p_step_ids));
  select array_agg(v.workflow_step_id order by v.workflow_step_id), array_agg(v.state order by v.workflow_step_id),
    array_agg(p_metadata || jsonb_build_object('attempts_before', coalesce(s.attempts, 0)) order by v.workflow_step_id)
  into v_ids, v_states, v_metadata
  from treadle.step_verdicts(p_step_ids, v_now) v
  join public.tasker_workflow_steps s on s.workflow_step_id = v.workflow_step_id
  left join public.tasker_task_transitions t on t.task_id = v.task_id and t.most_recent
  where (v.state = 'error' or v.state = 'pending' and v.verdict = 'stuck')
    and coalesce(s.retry_limit, 3) > 0
    and coalesce(t.to_state, 'pending') in ('pending', 'in_progress', 'error');
  if v_ids is null then
    return;
  end if;

  perform treadle.send_to_steps(
    array(select m.id from unnest(v_ids, v_states) as m (id, state) where m.state = 'pending'),
    'fail', p_metadata || '{"error_message": "no attempt was left"}', v_now
  );
  v_moved := array(
    select treadle.transition_steps(v_ids, array_fill('retry'::text, array[cardinality(v_ids)]), v_metadata, v_now)
  );
  update public.tasker_workflow_steps
  set attempts = 0, backoff_request_seconds = null, processed = false, processed_at = null, in_process = false,
    updated_at = v_now
  where workflow_step_id = any (v_moved);

  return query
  select m.id, s.task_id, m.state
  from unnest(v_ids, v_states) as m (id, state)
  join public.tasker_workflow_steps s on s.workflow_step_id = m.id
  where m.id = any (v_moved);
end
$$;
