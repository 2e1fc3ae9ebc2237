-- Moves schedules on after their due ticks became tasks: in the transaction of these. p_advances: [{schedule_id, next_at,
-- last_tick_at, task_ids}]; without last_tick_at the ticks were passed over.
create or replace function treadle.advance_schedules(p_advances jsonb) returns void
language sql
as $$
  update treadle.schedules s
  set next_at = a.next_at, last_tick_at = coalesce(a.last_tick_at, s.last_tick_at)
  from jsonb_to_recordset(p_advances) as a (schedule_id bigint, next_at timestamptz, last_tick_at timestamptz)
  where s.schedule_id = a.schedule_id;
  select treadle.note_scheduled_tasks(a.schedule_id, a.task_ids)
  from jsonb_to_recordset(p_advances) as a (schedule_id bigint, task_ids bigint[])
$$;
