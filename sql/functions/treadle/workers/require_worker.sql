-- Raises TR003 unless this worker is alive under this epoch, and keeps it so until the transaction ends.
create or replace function treadle.require_worker(p_worker_id bigint, p_epoch integer) returns void
language plpgsql
as $$
begin
  if not treadle.is_alive(p_worker_id, p_epoch) then
    raise exception 'worker % with epoch % was declared dead or never registered', p_worker_id, p_epoch
      using errcode = 'TR003';
  end if;
end
$$;
