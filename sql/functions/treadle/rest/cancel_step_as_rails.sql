-- Cancels one step as the REST API of the Rails engine does: by its next transition, which the change triggers tell the engines of.
-- Returns its state before; null when there is no such step in the task. Raises TR001 when its state does not allow it.
create or replace function treadle.cancel_step_as_rails(p_task_id bigint, p_step_id bigint, p_by text) returns text
language plpgsql
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_state text;
  v_key integer;
begin
  perform treadle.lock_tasks(array[p_task_id]);
  if not exists (
    select from public.tasker_workflow_steps s where s.workflow_step_id = p_step_id and s.task_id = p_task_id
  ) then
    return null;
  end if;
  select c.to_state, c.sort_key
  into v_state, v_key
  from public.tasker_workflow_step_transitions c
  where c.workflow_step_id = p_step_id and c.most_recent;
  v_state := coalesce(v_state, 'pending');
  if treadle.step_next_state(v_state, 'cancel') is null then
    raise exception 'a step that is % cannot be cancelled', v_state using errcode = 'TR001';
  end if;

  update public.tasker_workflow_step_transitions
  set most_recent = false, updated_at = v_now
  where workflow_step_id = p_step_id and most_recent;
  insert into public.tasker_workflow_step_transitions
    (workflow_step_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
  values (
    p_step_id, v_state, 'cancelled', jsonb_build_object('triggered_by', p_by), coalesce(v_key, 0) + 10, true, v_now, v_now
  );
  return v_state;
end
$$;
