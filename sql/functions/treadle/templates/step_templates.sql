-- The step templates of a validated template as rows, with the id of the named step where it exists already.
create or replace function treadle.step_templates(p_steps jsonb)
returns table (
  ordinal integer,
  name text,
  description text,
  dependent_system text,
  handler_class text,
  handler_config jsonb,
  timeout_ms integer,
  backoff jsonb,
  skippable boolean,
  default_retryable boolean,
  default_retry_limit integer,
  depends_on_steps jsonb,
  priority integer,
  runtime text,
  named_step_id integer
)
language sql stable
as $$
  select e.ordinal::integer, e.step ->> 'name', e.step ->> 'description', e.step ->> 'dependent_system',
    e.step ->> 'handler_class', coalesce(e.step -> 'handler_config', '{}'),
    round((e.step ->> 'timeout_seconds')::numeric * 1000)::integer, e.step -> 'backoff',
    (e.step ->> 'skippable')::boolean, (e.step ->> 'default_retryable')::boolean,
    (e.step ->> 'default_retry_limit')::integer, coalesce(e.step -> 'depends_on_steps', '[]'),
    coalesce((e.step ->> 'priority')::integer, 0), e.step ->> 'runtime',
    n.named_step_id
  from jsonb_array_elements(p_steps) with ordinality as e (step, ordinal)
  left join public.tasker_dependent_systems y on y.name = e.step ->> 'dependent_system'
  left join public.tasker_named_steps n
    on n.dependent_system_id = y.dependent_system_id and n.name = e.step ->> 'name'
$$;
