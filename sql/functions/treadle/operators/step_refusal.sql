-- Why an operation did not touch a step: {code, why, task_id, step_name}. p_expected says in which states it would have.
create or replace function treadle.step_refusal(p_step_id bigint, p_expected text[]) returns jsonb
language plpgsql
as $$
declare
  v_step record;
  v_code text := 'unlawful_transition';
  v_why text;
begin
  select s.task_id, n.name, coalesce(c.to_state, 'pending') as state, coalesce(t.to_state, 'pending') as task_state,
    coalesce(s.retry_limit, 3) as retry_limit
  into v_step
  from public.tasker_workflow_steps s
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
  left join public.tasker_task_transitions t on t.task_id = s.task_id and t.most_recent
  where s.workflow_step_id = p_step_id;
  if not found then
    return jsonb_build_object('code', 'unknown_step', 'why', format('there is no workflow step %s', p_step_id));
  end if;

  if v_step.state <> all (p_expected) then
    v_why := format('step %s (%s) is %s, expected %s',
      p_step_id, v_step.name, v_step.state, array_to_string(p_expected, ' or '));
  elsif v_step.task_state not in ('pending', 'in_progress', 'error') then
    v_why := format('step %s (%s) stays as it is: its task %s is %s',
      p_step_id, v_step.name, v_step.task_id, v_step.task_state);
  elsif v_step.retry_limit <= 0 then
    v_why := format('step %s (%s) has a retry limit of %s: no attempt can be given', p_step_id, v_step.name, v_step.retry_limit);
  else
    v_code := 'stale_state';
    v_why := format('step %s (%s) was changed by another hand meanwhile', p_step_id, v_step.name);
  end if;
  return jsonb_build_object('code', v_code, 'why', v_why, 'task_id', v_step.task_id, 'step_name', v_step.name);
end
$$;
