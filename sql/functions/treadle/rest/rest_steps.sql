-- Steps as the REST API of the Rails engine shows them, with the ids of the steps around each. Siblings are the steps with exactly the
-- same parents; what has no parents has none, and of a thousand or more nobody needs a list.
create or replace function treadle.rest_steps(p_step_ids bigint[])
returns table (workflow_step_id bigint, task_id bigint, document json)
language sql
stable
as $$
  with wanted as (
    select distinct s.task_id from public.tasker_workflow_steps s where s.workflow_step_id = any (p_step_ids)
  ),
  family as materialized (
    select s.workflow_step_id, s.task_id,
      array(
        select e.from_step_id from public.tasker_workflow_step_edges e
        where e.to_step_id = s.workflow_step_id order by 1
      ) as parents,
      array(
        select e.to_step_id from public.tasker_workflow_step_edges e
        where e.from_step_id = s.workflow_step_id order by 1
      ) as children
    from public.tasker_workflow_steps s
    where s.task_id in (select w.task_id from wanted w)
  ),
  generations as materialized (
    select f.task_id, f.parents, array_agg(f.workflow_step_id order by f.workflow_step_id) as members
    from family f
    where cardinality(f.parents) > 0
    group by f.task_id, f.parents
    having count(*) <= 1000
  )
  select s.workflow_step_id, s.task_id, json_build_object(
    'task_id', s.task_id,
    'workflow_step_id', s.workflow_step_id,
    'name', n.name,
    'named_step_id', s.named_step_id,
    'status', coalesce(c.to_state, 'pending'),
    'attempts', s.attempts,
    'skippable', s.skippable,
    'retryable', s.retryable,
    'retry_limit', s.retry_limit,
    'processed', s.processed,
    'processed_at', treadle.rest_time(s.processed_at),
    'in_process', s.in_process,
    'backoff_request_seconds', s.backoff_request_seconds,
    'last_attempted_at', treadle.rest_time(s.last_attempted_at),
    'inputs', s.inputs,
    'results', s.results,
    'children_ids', to_json(f.children),
    'parents_ids', to_json(f.parents),
    'siblings_ids', to_json(coalesce(array_remove(g.members, s.workflow_step_id), '{}'))
  )
  from public.tasker_workflow_steps s
  join family f on f.workflow_step_id = s.workflow_step_id
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join generations g on g.task_id = f.task_id and g.parents = f.parents
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
  where s.workflow_step_id = any (p_step_ids)
  order by s.workflow_step_id
$$;
