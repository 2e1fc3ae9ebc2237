-- Ends a pause: the held steps of this subject can be claimed again at once, save those that another pause still holds
-- (still_held). `done` is false when it was not paused. Waits for transactions that are marking steps as held, and keeps
-- others from it, so that none is forgotten.
create or replace function treadle.resume(p_scope text, p_subject text)
returns table (done boolean, steps integer, still_held integer)
language plpgsql
as $$
declare
  v_tasks bigint[];
  v_handlers text[];
  v_named_tasks integer[];
begin
  perform pg_advisory_xact_lock(hashtext('treadle.pauses'));
  delete from treadle.pauses p where p.scope = p_scope and p.subject = p_subject;
  done := found;

  -- what the other pauses hold, as sets: others cannot claim while this lasts
  v_tasks := array(select p.subject::bigint from treadle.pauses p where p.scope = 'task');
  v_handlers := array(select p.subject from treadle.pauses p where p.scope = 'handler');
  v_named_tasks := array(
    select nt.named_task_id
    from treadle.pauses p
    join public.tasker_task_namespaces n on n.name = p.subject
    join public.tasker_named_tasks nt on nt.task_namespace_id = n.task_namespace_id
    where p.scope = 'namespace'
    union all
    select p.subject::integer from treadle.pauses p where p.scope = 'named_task'
  );
  update treadle.ready_steps r
  set held = false
  where r.held
    and r.workflow_step_id in (select treadle.ready_steps_in_scope(p_scope, p_subject))
    and r.task_id <> all (v_tasks)
    and coalesce(r.handler, '') <> all (v_handlers)
    and (
      cardinality(v_named_tasks) = 0
      or not exists (select from public.tasker_tasks t where t.task_id = r.task_id and t.named_task_id = any (v_named_tasks))
    );
  get diagnostics steps = row_count;
  select count(*)::integer into still_held
  from treadle.ready_steps r
  where r.held and r.workflow_step_id in (select treadle.ready_steps_in_scope(p_scope, p_subject));

  if steps > 0 then
    perform pg_notify('treadle', 'ready');
  end if;
  return next;
end
$$;
