-- A process says that it lives, what it can run and how much at once. Returns its id and epoch for every later call. With
-- an id and an epoch it comes back after it was declared dead: under the same id and a higher epoch.
create or replace function treadle.register_worker(
  p_name text,
  p_handlers text[],
  p_capacity integer,
  p_lease interval,
  p_worker_id bigint default null,
  p_epoch integer default 0
) returns table (worker_id bigint, epoch integer)
language plpgsql
as $$
#variable_conflict use_column
begin
  return query
  insert into treadle.workers as w
    (worker_id, epoch, name, handlers, capacity, started_at, heartbeat_at, expires_at)
  overriding system value
  values (
    coalesce(p_worker_id, nextval(pg_get_serial_sequence('treadle.workers', 'worker_id'))), p_epoch + 1,
    p_name, p_handlers, p_capacity, treadle.now(), treadle.now(), treadle.now() + p_lease
  )
  on conflict (worker_id) do update
    set epoch = greatest(w.epoch + 1, excluded.epoch), heartbeat_at = excluded.heartbeat_at,
      expires_at = excluded.expires_at, session_lock = false
  returning w.worker_id, w.epoch;
  perform pg_notify('treadle', 'busy'); -- look who is here
end
$$;
