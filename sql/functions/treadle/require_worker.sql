-- Raises TR003 unless this worker is alive under this epoch.
create or replace function treadle.require_worker(p_worker_id bigint, p_epoch integer) returns void
language plpgsql stable
as $$
begin
  if not exists (select from treadle.workers where worker_id = p_worker_id and epoch = p_epoch) then
    raise exception 'worker % with epoch % was declared dead or never registered', p_worker_id, p_epoch
      using errcode = 'TR003';
  end if;
end
$$;
