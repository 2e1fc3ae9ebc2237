-- Why tasks of these ranges of ids ended in error: the failed steps by name and message, or that the deadline of the task
-- passed before any of them failed; the most frequent first, each with one task to look at.
create or replace function treadle.task_failures(p_first bigint[], p_last bigint[], p_limit integer)
returns table (step_name text, error text, tasks bigint, example_task_id bigint)
language plpgsql stable
set plan_cache_mode = 'force_custom_plan'
as $$
begin
  return query
  select coalesce(n.name::text, '(none)'),
    case
      when n.name is null then coalesce(c.metadata ->> 'error_message', 'no error was kept')
      else coalesce(s.results ->> 'error', 'no error was kept')
    end,
    count(distinct t.task_id), min(t.task_id)
  from unnest(p_first, p_last) as r (first_id, last_id)
  join public.tasker_tasks t on t.task_id between r.first_id and r.last_id and t.complete = false
  join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent and c.to_state = 'error'
  left join (
    public.tasker_workflow_steps s
    join public.tasker_workflow_step_transitions f
      on f.workflow_step_id = s.workflow_step_id and f.most_recent and f.to_state = 'error'
    join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  ) on s.task_id = t.task_id
  group by 1, 2
  order by 3 desc, 1, 2
  limit p_limit;
end
$$;
