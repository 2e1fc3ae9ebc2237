-- The ids of one page of tasks, the newest first (p_before is the last id of the page before). A null filter means any.
-- Of an unfinished state only the index of unfinished tasks is read, so a rare state is found among millions.
create or replace function treadle.page_of_tasks(
  p_state text,
  p_named integer[],
  p_since timestamp,
  p_before bigint,
  p_limit integer
) returns table (task_id bigint)
language plpgsql stable
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_unfinished boolean := p_state in ('pending', 'in_progress', 'error', 'cancelled');
begin
  return query
  select t.task_id
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where (p_before is null or t.task_id < p_before)
    and (p_named is null or t.named_task_id = any (p_named))
    and (p_since is null or t.created_at >= p_since)
    and (p_state is null or coalesce(c.to_state, 'pending') = p_state)
    and (v_unfinished is not true or t.complete = false)
  order by t.task_id desc
  limit p_limit;
end
$$;
