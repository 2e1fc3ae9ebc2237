-- The clock as the Rails columns keep it: UTC without a time zone, whatever the session's zone is.
create or replace function treadle.utc_now() returns timestamp
language sql volatile
as $$
  select treadle.now() at time zone 'UTC'
$$;
