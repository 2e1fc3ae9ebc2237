-- Whether nobody holds the lock of this worker's life. Never waits; what it takes to find out goes with the transaction.
create or replace function treadle.is_absent(p_worker_id bigint) returns boolean
language sql volatile
as $$
  select pg_try_advisory_xact_lock_shared(l.classid, l.objid) from treadle.worker_lock('life', p_worker_id) l
$$;
