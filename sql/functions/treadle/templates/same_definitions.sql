-- Whether what is registered for a named task already says what this template says (another environment of the same text
-- says something else).
create or replace function treadle.same_definitions(p_named_task_id integer, p_template jsonb) returns boolean
language sql stable
as $$
  select not exists (
    select s.named_step_id, s.name, s.handler_class, s.handler_config, s.timeout_ms, s.backoff, s.ordinal, s.priority,
      s.runtime, s.skippable, s.default_retryable, s.default_retry_limit,
      array(select parent from jsonb_array_elements_text(s.depends_on_steps) as each_parent (parent) order by parent)
    from treadle.step_templates(p_template -> 'step_templates') s
    except
    select d.named_step_id, d.step_name, d.handler, d.handler_config, d.timeout_ms, d.backoff, d.ordinal, d.priority,
      d.runtime, n.skippable, n.default_retryable, n.default_retry_limit,
      array(
        select parent.step_name
        from treadle.step_dependencies x
        join treadle.step_definitions parent
          on parent.named_task_id = x.named_task_id and parent.named_step_id = x.depends_on_named_step_id
        where x.named_task_id = d.named_task_id and x.named_step_id = d.named_step_id
        order by parent.step_name
      )
    from treadle.step_definitions d
    join public.tasker_named_tasks_named_steps n
      on n.named_task_id = d.named_task_id and n.named_step_id = d.named_step_id
    where d.named_task_id = p_named_task_id and d.in_template
  )
  and (select d.deadline from treadle.task_definitions d where d.named_task_id = p_named_task_id)
    is not distinct from make_interval(secs => (p_template ->> 'deadline_seconds')::double precision)
$$;
