-- Writes a template (already validated, environment applied) into the Rails tables and the derived definitions, and
-- returns its named_task_id. p_configuration is the whole template as written; an unchanged one writes nothing.
create or replace function treadle.register_template(p_template jsonb, p_configuration jsonb) returns integer
language plpgsql
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_namespace_id integer;
  v_named_task_id integer;
begin
  perform pg_advisory_xact_lock(hashtext('treadle.register_template'));

  insert into public.tasker_task_namespaces (name, created_at, updated_at)
  values (p_template ->> 'namespace_name', v_now, v_now)
  on conflict (name) do nothing;
  select task_namespace_id into v_namespace_id
  from public.tasker_task_namespaces
  where name = p_template ->> 'namespace_name';

  select named_task_id into v_named_task_id
  from public.tasker_named_tasks
  where task_namespace_id = v_namespace_id
    and name = p_template ->> 'name'
    and version = p_template ->> 'version'
    and configuration = p_configuration
    and exists (select from treadle.step_definitions d where d.named_task_id = tasker_named_tasks.named_task_id);
  if v_named_task_id is not null and treadle.same_definitions(v_named_task_id, p_template) then
    perform treadle.register_limits(v_named_task_id, p_template);
    return v_named_task_id;
  end if;

  insert into public.tasker_named_tasks
    (task_namespace_id, name, version, description, configuration, created_at, updated_at)
  values (
    v_namespace_id, p_template ->> 'name', p_template ->> 'version', p_template ->> 'description',
    p_configuration, v_now, v_now
  )
  on conflict (task_namespace_id, name, version)
    do update set configuration = excluded.configuration, description = excluded.description, updated_at = v_now
  returning named_task_id into v_named_task_id;

  delete from treadle.task_definitions where named_task_id = v_named_task_id;
  insert into treadle.task_definitions (named_task_id, deadline)
  select v_named_task_id, make_interval(secs => (p_template ->> 'deadline_seconds')::double precision)
  where p_template ->> 'deadline_seconds' is not null;
  perform treadle.register_steps(v_named_task_id, p_template -> 'step_templates', v_now);
  perform treadle.sync_own_named_tasks(array[v_named_task_id], false);
  perform treadle.register_limits(v_named_task_id, p_template);
  perform pg_notify('treadle', 'templates'); -- their steps may name other runtimes than before
  return v_named_task_id;
end
$$;
