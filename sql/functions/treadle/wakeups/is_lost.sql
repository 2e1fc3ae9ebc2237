-- Whether a wake-up that the queue was given, and that is due for longer than p_grace, is to be handed over again. Each time the
-- queue gets twice as long (up to ten minutes): one that is only slow, or whose workers are stopped, and that keeps doubled
-- jobs, must not drown in them.
create or replace function treadle.is_lost(
  p_run_at timestamptz, p_handed_at timestamptz, p_now timestamptz, p_grace interval
) returns boolean
language sql immutable
as $$
  select p_handed_at < p_now - greatest(p_grace, least(p_handed_at - p_run_at, interval '10 minutes'))
$$;
