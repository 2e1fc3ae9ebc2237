-- What the template of a named task says about one step. A function for the planner's sake: without statistics it would
-- read all steps of a large template for each row.
create or replace function treadle.step_definition(p_named_task_id integer, p_named_step_id integer)
returns table (step_name text, handler text, handler_config jsonb, timeout_ms integer, backoff jsonb, priority integer)
language sql stable
as $$
  select d.step_name, d.handler, d.handler_config, d.timeout_ms, d.backoff, d.priority
  from treadle.step_definitions d
  where d.named_task_id = p_named_task_id and d.named_step_id = p_named_step_id
  limit 1
$$;
