-- Why an operation did not touch a task: {code, why}. p_expected says in which states it would have.
create or replace function treadle.task_refusal(p_task_id bigint, p_expected text[]) returns jsonb
language plpgsql
as $$
declare
  v_state text;
begin
  select coalesce(c.to_state, 'pending') into v_state
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where t.task_id = p_task_id;
  return case
    when v_state is null then
      jsonb_build_object('code', 'unknown_task', 'why', format('there is no task %s', p_task_id))
    when v_state = any (p_expected) then
      jsonb_build_object('code', 'stale_state', 'why', format('task %s was changed by another hand meanwhile', p_task_id))
    else jsonb_build_object('code', 'unlawful_transition', 'why',
      format('task %s is %s, expected %s', p_task_id, v_state, array_to_string(p_expected, ' or ')))
  end;
end
$$;
