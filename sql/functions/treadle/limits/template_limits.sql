-- The limits that a validated template says, of its tasks as a whole and of its steps.
create or replace function treadle.template_limits(p_template jsonb)
returns table (scope text, subject text, kind text, amount integer, per interval, key text)
language sql stable
as $$
  with said as (
    select 'task' as scope, '' as step_name, p_template as part
    union all
    select 'step', s.step ->> 'name', s.step
    from jsonb_array_elements(p_template -> 'step_templates') as s (step)
  )
  select s.scope,
    treadle.limit_subject(s.scope, null, p_template ->> 'namespace_name', p_template ->> 'name', s.step_name),
    k.kind,
    (s.part -> k.kind ->> 'limit')::integer,
    make_interval(secs => extract(epoch from (s.part -> k.kind ->> 'per')::interval)::double precision), -- no days: they differ in length
    s.part -> k.kind ->> 'key'
  from said s
  cross join (values ('concurrency'), ('rate')) as k (kind)
  where s.part ? k.kind
$$;
