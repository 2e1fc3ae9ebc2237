-- Pauses a schedule of which no task can be created, with the reason, so that it does not stop others or come again at once.
create or replace function treadle.fail_schedule(p_schedule_id bigint, p_error text) returns void
language sql
as $$
  update treadle.schedules
  set paused_at = treadle.now(), paused_by = 'treadle', error = p_error
  where schedule_id = p_schedule_id
$$;
