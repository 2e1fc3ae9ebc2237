-- The step templates of a named task as rows: dependent systems, named steps, their defaults, and the derived
-- definitions. Steps that this text of the template no longer has stay known (tasks in flight may have them) but get no
-- new tasks. What waits without a handler gets one.
create or replace function treadle.register_steps(p_named_task_id integer, p_steps jsonb, p_at timestamp) returns void
language plpgsql
as $$
begin
  insert into public.tasker_dependent_systems (name, created_at, updated_at)
  select distinct s.dependent_system, p_at, p_at
  from treadle.step_templates(p_steps) s
  on conflict (name) do nothing;

  insert into public.tasker_named_steps (dependent_system_id, name, description, created_at, updated_at)
  select y.dependent_system_id, s.name, s.description, p_at, p_at
  from treadle.step_templates(p_steps) s
  join public.tasker_dependent_systems y on y.name = s.dependent_system
  on conflict (dependent_system_id, name) do nothing;

  update treadle.step_definitions set in_template = false where named_task_id = p_named_task_id;
  delete from treadle.step_dependencies where named_task_id = p_named_task_id;

  insert into public.tasker_named_tasks_named_steps
    (named_task_id, named_step_id, skippable, default_retryable, default_retry_limit, created_at, updated_at)
  select p_named_task_id, s.named_step_id, s.skippable, s.default_retryable, s.default_retry_limit, p_at, p_at
  from treadle.step_templates(p_steps) s
  on conflict (named_task_id, named_step_id) do update
    set skippable = excluded.skippable, default_retryable = excluded.default_retryable,
      default_retry_limit = excluded.default_retry_limit, updated_at = p_at;

  insert into treadle.step_definitions
    (named_task_id, named_step_id, ordinal, step_name, handler, handler_config, timeout_ms, backoff, priority, runtime)
  select p_named_task_id, s.named_step_id, s.ordinal, s.name, s.handler_class, s.handler_config, s.timeout_ms, s.backoff,
    s.priority, s.runtime
  from treadle.step_templates(p_steps) s
  on conflict (named_task_id, named_step_id) do update
    set ordinal = excluded.ordinal, step_name = excluded.step_name, handler = excluded.handler,
      handler_config = excluded.handler_config, timeout_ms = excluded.timeout_ms, backoff = excluded.backoff,
      priority = excluded.priority, runtime = excluded.runtime, in_template = true;

  insert into treadle.step_dependencies (named_task_id, named_step_id, depends_on_named_step_id)
  select p_named_task_id, s.named_step_id, parent.named_step_id
  from treadle.step_templates(p_steps) s
  cross join lateral jsonb_array_elements_text(s.depends_on_steps) as dependency (name)
  join treadle.step_definitions parent
    on parent.named_task_id = p_named_task_id and parent.step_name = dependency.name and parent.in_template;

  perform treadle.heed_pauses();
  update treadle.ready_steps r
  set handler = d.handler, held = treadle.is_paused(r.task_id, d.handler), lane_id = null
  from public.tasker_workflow_steps s
  join public.tasker_tasks t on t.task_id = s.task_id
  join treadle.step_definitions d
    on d.named_task_id = t.named_task_id and d.named_step_id = s.named_step_id
  where s.workflow_step_id = r.workflow_step_id
    and t.named_task_id = p_named_task_id
    and r.handler is distinct from d.handler;
end
$$;
