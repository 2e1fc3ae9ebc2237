-- The processes that have registered, the newest first: alive or past their lease, and how many steps each holds.
create or replace function treadle.list_workers()
returns table (
  worker_id bigint,
  name text,
  handlers text[],
  capacity integer,
  started_at timestamptz,
  heartbeat_at timestamptz,
  alive boolean,
  claims bigint
)
language sql volatile
as $$
  select w.worker_id, w.name, w.handlers, w.capacity, w.started_at, w.heartbeat_at,
    w.expires_at > treadle.now(),
    (select count(*) from treadle.claims k where k.worker_id = w.worker_id)
  from treadle.workers w
  order by w.worker_id desc
$$;
