-- Takes the lock of this worker's life for the calling session and notes that its death can be seen by it. False when the
-- lock is taken: by somebody who looks at it right now, or by an earlier session of the same process whose end Postgres has
-- not noticed, which is ended. Then try again in a moment.
create or replace function treadle.hold_worker_lock(p_worker_id bigint, p_epoch integer) returns boolean
language plpgsql
as $$
declare
  v_lock record := treadle.worker_lock('life', p_worker_id);
begin
  if not pg_try_advisory_lock(v_lock.classid, v_lock.objid) then
    perform pg_terminate_backend(l.pid)
    from pg_locks l
    where l.locktype = 'advisory' and l.mode = 'ExclusiveLock' and l.granted
      and l.database = (select d.oid from pg_database d where d.datname = current_database())
      and l.classid = v_lock.classid::oid and l.objid = v_lock.objid::oid;
    return false;
  end if;
  update treadle.workers set session_lock = true where worker_id = p_worker_id and epoch = p_epoch;
  return true;
end
$$;
