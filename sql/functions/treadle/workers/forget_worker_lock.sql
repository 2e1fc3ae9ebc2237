-- The lock of this worker's life is not held any more though it lives: from now on only its lease tells.
create or replace function treadle.forget_worker_lock(p_worker_id bigint, p_epoch integer) returns void
language sql volatile
as $$
  update treadle.workers set session_lock = false where worker_id = p_worker_id and epoch = p_epoch and session_lock
$$;
