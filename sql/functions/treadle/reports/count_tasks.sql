-- How many tasks are in each state, by the filters of list_tasks. Finished tasks are counted by their flag alone, from
-- an index; only of the unfinished ones the state is looked up.
create or replace function treadle.count_tasks(p_namespace text, p_name text, p_since timestamp)
returns table (state text, tasks bigint)
language plpgsql stable
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_named integer[] := treadle.named_task_ids(p_namespace, p_name);
begin
  return query
  with counted as (
    select 'complete'::text as state, count(*) as tasks
    from public.tasker_tasks t
    where t.complete = true
      and (v_named is null or t.named_task_id = any (v_named))
      and (p_since is null or t.created_at >= p_since)
    union all
    select coalesce(c.to_state, 'pending'), count(*)
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where t.complete = false
      and (v_named is null or t.named_task_id = any (v_named))
      and (p_since is null or t.created_at >= p_since)
    group by 1
  )
  select c.state, sum(c.tasks)::bigint
  from counted c
  where c.tasks > 0
  group by c.state
  order by c.state;
end
$$;
