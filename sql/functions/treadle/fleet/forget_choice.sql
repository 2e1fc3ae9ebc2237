-- Takes a choice back: another one (of the namespace) or none holds from now on. `done` is false when there was none. Raises TR001
-- while Rails runs tasks that would come here without a choice: then nothing would keep Treadle from running them too.
create or replace function treadle.forget_choice(p_subject text) returns table (done boolean, moving integer)
language plpgsql
as $$
declare
  v_scope text := treadle.fleet_scope(p_subject, true);
  v_named_task_ids integer[] := treadle.fleet_named_tasks(v_scope, p_subject);
  v_example bigint;
begin
  perform pg_advisory_xact_lock(hashtext('treadle.register_template'));
  delete from treadle.fleet_choices c where c.scope = v_scope and c.subject = p_subject;
  done := found;
  moving := treadle.sync_own_named_tasks(v_named_task_ids);
  select min(t.task_id) into v_example
  from treadle.own_named_tasks o
  join public.tasker_tasks t on t.named_task_id = o.named_task_id and t.complete = false
  join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent and c.to_state = 'in_progress'
  where done and o.named_task_id = any (v_named_task_ids) and not o.chosen and not coalesce(c.metadata ? 'event', false);
  if v_example is not null then
    raise exception 'Rails runs tasks of "%", such as task %: choose treadle for it, and forget the choice when they have ended',
      p_subject, v_example using errcode = 'TR001';
  end if;
  return next;
end
$$;
