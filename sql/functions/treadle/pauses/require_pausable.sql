-- Raises unless this subject can be paused: TR007 (no such scope, namespace or handler: a misspelt pause would hold
-- nothing), TR004 (no such task), TR001 (the task has ended).
create or replace function treadle.require_pausable(p_scope text, p_subject text) returns void
language plpgsql
as $$
declare
  v_state text;
begin
  case p_scope
    when 'task' then
      select coalesce(c.to_state, 'pending') into v_state
      from public.tasker_tasks t
      left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
      where t.task_id = case when p_subject ~ '^[0-9]{1,18}$' then p_subject::bigint end;
      if not found then
        raise exception 'there is no task %', p_subject using errcode = 'TR004';
      elsif v_state in ('complete', 'cancelled', 'resolved_manually') then
        raise exception 'task % is %: there is nothing to pause', p_subject, v_state using errcode = 'TR001';
      end if;
    when 'namespace' then
      if not exists (select from public.tasker_task_namespaces n where n.name = p_subject) then
        raise exception 'there is no namespace "%"', p_subject using errcode = 'TR007';
      end if;
    when 'handler' then
      if not exists (select from treadle.step_definitions d where d.handler = p_subject) then
        raise exception 'no template names a handler "%"', p_subject using errcode = 'TR007';
      end if;
    else
      raise exception 'expected the scope task, namespace or handler, got "%"', p_scope using errcode = 'TR007';
  end case;
end
$$;
