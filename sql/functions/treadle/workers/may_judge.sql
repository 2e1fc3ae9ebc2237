-- Whether the silence of a worker since its last heartbeat says anything. For some seconds after Postgres has started it
-- does not: all locks were lost at once and leases ended while nobody could renew them; the living need time to come back.
create or replace function treadle.may_judge(p_heartbeat_at timestamptz) returns boolean
language sql volatile
as $$
  select p_heartbeat_at >= pg_postmaster_start_time()
    or clock_timestamp() > pg_postmaster_start_time() + interval '3 seconds'
$$;
