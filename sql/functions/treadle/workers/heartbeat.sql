-- A process says that it still lives. False: it was declared dead meanwhile and must register again.
create or replace function treadle.heartbeat(p_worker_id bigint, p_epoch integer, p_lease interval) returns boolean
language plpgsql
as $$
begin
  update treadle.workers
  set heartbeat_at = treadle.now(), expires_at = treadle.now() + p_lease
  where worker_id = p_worker_id and epoch = p_epoch;
  return found;
end
$$;
