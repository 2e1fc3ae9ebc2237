-- Raises TR003 unless this worker is alive under this epoch, and keeps it so until the transaction ends: whoever declares
-- it dead, or asks what it has claimed, waits for the claims that are under way.
create or replace function treadle.require_worker(p_worker_id bigint, p_epoch integer) returns void
language plpgsql
as $$
begin
  perform pg_advisory_xact_lock_shared(l.classid, l.objid) from treadle.worker_lock('claiming', p_worker_id) l;
  if not exists (select from treadle.workers where worker_id = p_worker_id and epoch = p_epoch) then
    raise exception 'worker % with epoch % was declared dead or never registered', p_worker_id, p_epoch
      using errcode = 'TR003';
  end if;
end
$$;
