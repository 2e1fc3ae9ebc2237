-- The one clock of the engine: the server's, shifted only by tests. Never a process clock.
create or replace function treadle.now() returns timestamptz
language sql volatile
as $$
  select clock_timestamp() + coalesce((select shift from treadle.clock limit 1), interval '0')
$$;
