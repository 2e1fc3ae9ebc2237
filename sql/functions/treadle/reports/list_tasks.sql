-- Tasks, the newest first, page by page (p_before is the last task_id of the page before). A null filter means any.
-- Of an unfinished state only the index of unfinished tasks is read, so a rare state is found among millions.
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
language plpgsql stable
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_named integer[] := treadle.named_task_ids(p_namespace, p_name);
  v_unfinished boolean := p_state in ('pending', 'in_progress', 'error', 'cancelled');
begin
  return query
  with page as (
    select t.task_id, t.named_task_id, t.created_at, coalesce(c.to_state, 'pending') as state,
      coalesce(c.created_at, t.created_at) as state_since
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where (p_before is null or t.task_id < p_before)
      and (v_named is null or t.named_task_id = any (v_named))
      and (p_since is null or t.created_at >= p_since)
      and (p_state is null or coalesce(c.to_state, 'pending') = p_state)
      and (v_unfinished is not true or t.complete = false)
    order by t.task_id desc
    limit p_limit
  )
  select p.task_id, s.name::text, n.name::text, n.version::text, p.state::text, p.created_at, p.state_since,
    w.steps, w.processed_steps
  from page p
  join public.tasker_named_tasks n on n.named_task_id = p.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  cross join lateral (
    select count(*) as steps, count(*) filter (where w.processed) as processed_steps
    from public.tasker_workflow_steps w
    where w.task_id = p.task_id
  ) w
  order by p.task_id desc;
end
$$;
