-- The subject that a limit of this scope must have to concern this step.
create or replace function treadle.limit_subject(
  p_scope text,
  p_handler text,
  p_namespace text,
  p_task text,
  p_step text
) returns text
language sql immutable
as $$
  select case p_scope
    when 'handler' then p_handler
    when 'namespace' then p_namespace
    when 'task' then p_namespace || '/' || p_task
    when 'step' then p_namespace || '/' || p_task || '/' || p_step
  end
$$;
