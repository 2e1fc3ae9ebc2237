-- A process says that it lives, what it can run and how much at once. Returns its id and epoch for every later call.
create or replace function treadle.register_worker(
  p_name text,
  p_handlers text[],
  p_capacity integer,
  p_lease interval
) returns table (worker_id bigint, epoch integer)
language sql volatile
as $$
  insert into treadle.workers (name, handlers, capacity, started_at, heartbeat_at, expires_at)
  values (p_name, p_handlers, p_capacity, treadle.now(), treadle.now(), treadle.now() + p_lease)
  returning workers.worker_id, workers.epoch
$$;
