-- The advisory lock (classid, objid) that says something about a worker. `life`: its process holds it, in exclusive mode and
-- by a session of its own, for as long as it lives. `claiming`: shared by the claims under way, exclusive for whoever must
-- know that there are none.
create or replace function treadle.worker_lock(p_kind text, p_worker_id bigint, out classid integer, out objid integer)
language sql immutable
as $$
  select case p_kind when 'life' then 1953653857 when 'claiming' then 1953653858 end,
    (p_worker_id & 2147483647)::integer
$$;
