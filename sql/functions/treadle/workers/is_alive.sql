-- Whether this worker is alive under this epoch; it stays so until the transaction ends: whoever declares it dead, or asks
-- what it has claimed, waits for the claims that are under way.
create or replace function treadle.is_alive(p_worker_id bigint, p_epoch integer) returns boolean
language plpgsql
as $$
begin
  perform pg_advisory_xact_lock_shared(l.classid, l.objid) from treadle.worker_lock('claiming', p_worker_id) l;
  return exists (select from treadle.workers where worker_id = p_worker_id and epoch = p_epoch);
end
$$;
