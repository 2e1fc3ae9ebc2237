-- Tells the engines what a connection that is none of theirs has recorded: steps are ready, tasks must go to the queue,
-- and whoever held a claim that is gone now shall free its slot.
create or replace function treadle.notify_of_outcome(p_ready_handlers jsonb, p_finalized jsonb, p_wakeups integer)
returns void
language plpgsql
as $$
begin
  perform pg_notify('treadle', 'revoked');
  if p_ready_handlers <> '[]' then
    perform pg_notify('treadle', 'ready');
  end if;
  if p_wakeups > 0 or p_finalized @> '[{"event": "wait"}]' then
    perform pg_notify('treadle', 'wakeups');
  end if;
end
$$;
