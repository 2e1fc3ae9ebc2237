-- What a worker must know of the others: how many there are, which of them nobody holds the lock of (one look is no
-- proof: a session may be about to come back), and, when asked, whether any of them runs steps.
create or replace function treadle.watch_workers(p_worker_id bigint, p_ask_claims boolean)
returns table (others integer, absent bigint[], claimed boolean)
language plpgsql
as $$
begin
  return query
  select count(*)::integer,
    coalesce(array_agg(w.worker_id) filter (
      where case when w.session_lock and treadle.may_judge(w.heartbeat_at) then treadle.is_absent(w.worker_id) end
    ), '{}'),
    p_ask_claims and exists (select from treadle.claims c where c.worker_id <> p_worker_id)
  from treadle.workers w
  where w.worker_id <> p_worker_id;
end
$$;
