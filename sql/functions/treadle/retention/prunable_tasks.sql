-- Tasks whose end is older than p_before, in these states, the earliest created first: a page of those created after
-- (p_after_created_at, p_after_task_id). Goes along idx_tasks_completion_status_created, so each half (p_complete) by itself.
create or replace function treadle.prunable_tasks(
  p_states text[],
  p_before timestamp,
  p_named_task_ids integer[],
  p_complete boolean,
  p_after_created_at timestamp,
  p_after_task_id bigint,
  p_limit bigint
) returns table (task_id bigint, created_at timestamp)
language plpgsql stable
set plan_cache_mode = 'force_custom_plan'
set enable_seqscan = off
set enable_sort = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
  select t.task_id, t.created_at
  from public.tasker_tasks t
  join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where t.complete = p_complete
    and t.created_at < p_before -- none ends before it was created
    and (t.created_at, t.task_id) > (p_after_created_at, p_after_task_id)
    and (p_named_task_ids is null or t.named_task_id = any (p_named_task_ids))
    and c.to_state = any (p_states)
    and c.created_at < p_before
  order by t.created_at, t.task_id
  limit p_limit;
end
$$;
