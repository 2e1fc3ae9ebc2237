-- Ends a pause, also one because of an error: it goes on with p_next_at; what came due meanwhile is not made up for. Tells the
-- engines. False when it was not paused, or there is none.
create or replace function treadle.resume_schedule(p_name text, p_next_at timestamptz) returns boolean
language plpgsql
as $$
begin
  update treadle.schedules
  set paused_at = null, paused_by = null, pause_reason = null, error = null, next_at = p_next_at
  where name = p_name and paused_at is not null;
  if found then
    perform pg_notify('treadle', 'schedules');
    return true;
  end if;
  return false;
end
$$;
