-- Remembers the latest ten tasks of a schedule, for people.
create or replace function treadle.note_scheduled_tasks(p_schedule_id bigint, p_task_ids bigint[]) returns void
language sql
as $$
  update treadle.schedules s
  set recent_task_ids = (s.recent_task_ids || p_task_ids)[greatest(cardinality(s.recent_task_ids || p_task_ids) - 9, 1):]
  where s.schedule_id = p_schedule_id and cardinality(p_task_ids) > 0
$$;
