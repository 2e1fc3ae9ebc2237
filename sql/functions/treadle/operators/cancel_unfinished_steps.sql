-- Cancels the steps of these tasks that have not ended: pending, running, or failed with a retry to come (error -> pending
-- -> cancelled). Claims go, and whoever runs the steps is told to stop. A step that failed for good stays so. Returns what
-- was cancelled, and whether a worker ran it. Callers hold the locks of the tasks.
create or replace function treadle.cancel_unfinished_steps(p_task_ids bigint[], p_metadata jsonb)
returns table (workflow_step_id bigint, task_id bigint, from_state text, was_claimed boolean)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamp := treadle.utc_now();
  v_step_ids bigint[] := array(
    select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (p_task_ids)
  );
  v_open bigint[];
  v_states text[];
  v_waiting bigint[];
  v_moved bigint[];
  v_claimed bigint[];
begin
  perform treadle.plan_for(cardinality(v_step_ids));
  perform treadle.withdraw_steps(v_step_ids);
  select array_agg(v.workflow_step_id order by v.workflow_step_id), array_agg(v.state order by v.workflow_step_id),
    array_agg(v.workflow_step_id order by v.workflow_step_id) filter (where v.state = 'error')
  into v_open, v_states, v_waiting
  from treadle.step_verdicts(v_step_ids, v_now) v
  where v.state in ('pending', 'in_progress') or (v.state = 'error' and v.verdict <> 'failed');

  perform treadle.send_to_steps(v_waiting, 'retry', p_metadata, v_now);
  v_moved := array(select treadle.send_to_steps(v_open, 'cancel', p_metadata, v_now));
  v_claimed := treadle.revoke_claims(v_moved);
  update public.tasker_workflow_steps
  set in_process = false, updated_at = v_now
  where workflow_step_id = any (v_moved) and in_process;

  return query
  select o.step_id, s.task_id, o.state, o.step_id = any (v_claimed)
  from unnest(v_open, v_states) as o (step_id, state)
  join public.tasker_workflow_steps s on s.workflow_step_id = o.step_id
  where o.step_id = any (v_moved);
end
$$;
