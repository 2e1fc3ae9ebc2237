-- How far a set of tasks is, given as ranges of ids (inclusive): queued (never started), running, waiting (back to
-- pending, for a retry), complete, and the states that end without success. Reads the states of unfinished tasks only.
create or replace function treadle.task_progress(p_first bigint[], p_last bigint[])
returns table (progress text, tasks bigint)
language plpgsql stable
set plan_cache_mode = 'force_custom_plan'
as $$
begin
  return query
  with unfinished as (
    select case
        when c.to_state is null then 'queued'
        when c.to_state = 'pending' then 'waiting'
        when c.to_state = 'in_progress' then 'running'
        else c.to_state::text
      end as progress
    from unnest(p_first, p_last) as r (first_id, last_id)
    join public.tasker_tasks t on t.task_id between r.first_id and r.last_id and t.complete = false
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  ),
  counted as (
    select u.progress, count(*) as tasks
    from unfinished u
    group by u.progress
  ),
  total as (
    select coalesce(sum(r.last_id - r.first_id + 1), 0)::bigint as tasks
    from unnest(p_first, p_last) as r (first_id, last_id)
  )
  select c.progress, c.tasks from counted c
  union all
  select 'complete', t.tasks - coalesce((select sum(c.tasks) from counted c), 0)::bigint
  from total t;
end
$$;
