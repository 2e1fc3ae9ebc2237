-- A process that ends in order takes its row away. Claims it still holds become those of a dead worker.
create or replace function treadle.leave_worker(p_worker_id bigint, p_epoch integer) returns void
language sql volatile
as $$
  delete from treadle.workers where worker_id = p_worker_id and epoch = p_epoch
$$;
