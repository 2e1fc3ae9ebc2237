-- Wake-ups that the queue was given and that are overdue by more than p_grace: the queue has lost them (its server was
-- emptied, the process that had fetched the job was killed). They go back to be handed over again, which harms nothing
-- when the queue is only slow. Returns how many.
create or replace function treadle.return_lost_wakeups(p_grace interval) returns integer
language plpgsql
as $$
declare
  v_now timestamptz := treadle.now();
  v_count integer;
begin
  update treadle.wakeups w
  set handed_at = null
  where w.run_at < v_now - p_grace and treadle.is_lost(w.run_at, w.handed_at, v_now, p_grace);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
