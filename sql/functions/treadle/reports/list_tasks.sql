-- Tasks, the newest first, page by page (see page_of_tasks), with how many of their steps are done.
create or replace function treadle.list_tasks(
  p_state text,
  p_namespace text,
  p_name text,
  p_since timestamp,
  p_before bigint,
  p_limit integer
) returns table (
  task_id bigint,
  namespace_name text,
  name text,
  version text,
  state text,
  created_at timestamp,
  state_since timestamp,
  steps bigint,
  processed_steps bigint
)
language sql stable
as $$
  select t.task_id, s.name, n.name, n.version, coalesce(c.to_state, 'pending'), t.created_at,
    coalesce(c.created_at, t.created_at), w.steps, w.processed_steps
  from public.tasker_tasks t
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  cross join lateral (
    select count(*) as steps, count(*) filter (where w.processed) as processed_steps
    from public.tasker_workflow_steps w
    where w.task_id = t.task_id
  ) w
  where t.task_id = any (array( -- as an array: the planner then goes by the ids, however many tasks there are
    select p.task_id
    from treadle.page_of_tasks(
      p_state, treadle.named_task_ids(p_namespace, p_name), p_since, p_before, p_limit
    ) p
  ))
  order by t.task_id desc
$$;
