-- Removes a schedule; its tasks stay. False when there is none. One of a template comes back when that is registered again.
create or replace function treadle.remove_schedule(p_name text) returns boolean
language plpgsql
as $$
begin
  delete from treadle.schedules where name = p_name;
  return found;
end
$$;
