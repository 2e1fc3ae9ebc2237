-- The latest tasks of a schedule and their states, the latest first; those that were pruned are left out.
create or replace function treadle.recent_scheduled_tasks(p_schedule_id bigint)
returns table (task_id bigint, state text, requested_at timestamp)
language sql stable
as $$
  select t.task_id, coalesce(c.to_state, 'pending'), t.requested_at
  from treadle.schedules s
  join public.tasker_tasks t on t.task_id = any (s.recent_task_ids)
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where s.schedule_id = p_schedule_id
  order by t.task_id desc
$$;
