-- From the commit on no tick of this schedule becomes a task. False when it was paused already, or there is none.
create or replace function treadle.pause_schedule(p_name text, p_by text, p_reason text default null) returns boolean
language plpgsql
as $$
begin
  update treadle.schedules
  set paused_at = treadle.now(), paused_by = p_by, pause_reason = p_reason
  where name = p_name and paused_at is null;
  return found;
end
$$;
