-- Steps as clients in other languages get them, in the order in which they were created. JSON is text; `attempts` are
-- those that were made, also where a permanent failure has used up all. `stamp` is the id of the current transition, 0
-- before the first: it only ever rises. `explanation` says of unfinished steps why they are where they are: of all that
-- wait for others, and of the p_explained most urgent beside them, since to explain one takes a millisecond.
create or replace function treadle.step_details(p_step_ids bigint[], p_explained integer)
returns table (
  task_id bigint,
  workflow_step_id bigint,
  name text,
  state text,
  attempts integer,
  retry_limit integer,
  results_json text,
  parents text[],
  explanation text,
  stamp bigint
)
language plpgsql volatile
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
begin
  return query
  with edges as (
    select distinct e.to_step_id, e.from_step_id
    from public.tasker_workflow_step_edges e
    where e.to_step_id = any (p_step_ids)
  ),
  parents as (
    select e.to_step_id, array_agg(n.name::text order by n.name) as names,
      string_agg(n.name || ' (' || coalesce(c.to_state, 'pending') || ')', ', ' order by n.name)
        filter (where coalesce(c.to_state, 'pending') not in ('complete', 'resolved_manually')) as open
    from edges e
    join public.tasker_workflow_steps s on s.workflow_step_id = e.from_step_id
    join public.tasker_named_steps n on n.named_step_id = s.named_step_id
    left join public.tasker_workflow_step_transitions c on c.workflow_step_id = e.from_step_id and c.most_recent
    group by e.to_step_id
  ),
  steps as (
    select s.task_id, s.workflow_step_id, n.name::text, coalesce(c.to_state, 'pending')::text as state,
      coalesce(s.attempts, 0) as attempts, c.metadata ->> 'attempt_number' as last_attempt,
      coalesce(s.retry_limit, 3) as retry_limit,
      case when s.processed or s.results <> '{}' then s.results::text end as results_json,
      coalesce(p.names, '{}') as parents, p.open, coalesce(c.id, 0) as stamp
    from public.tasker_workflow_steps s
    join public.tasker_named_steps n on n.named_step_id = s.named_step_id
    left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
    left join parents p on p.to_step_id = s.workflow_step_id
    where s.workflow_step_id = any (p_step_ids)
  ),
  urgent as (
    select u.workflow_step_id, treadle.explain_step(u.workflow_step_id) as explanation
    from (
      select x.workflow_step_id
      from steps x
      where x.state in ('in_progress', 'error', 'cancelled') or x.state = 'pending' and x.open is null
      order by array_position(array['error', 'in_progress', 'pending'], x.state), x.workflow_step_id
      limit p_explained
    ) u
  )
  select x.task_id, x.workflow_step_id, x.name, x.state,
    case when x.state = 'error' and x.last_attempt ~ '^\d{1,9}$' then x.last_attempt::integer else x.attempts end,
    x.retry_limit, x.results_json, x.parents,
    case when x.state = 'pending' and x.open is not null then 'waits for ' || x.open else u.explanation end,
    x.stamp
  from steps x
  left join urgent u on u.workflow_step_id = x.workflow_step_id
  order by x.workflow_step_id;
end
$$;
