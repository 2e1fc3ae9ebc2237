-- What `treadle tune indexes` keeps so that it can be undone.

-- Indexes that it has dropped, each with its definition word for word. A row is written before its index goes and deleted
-- once the index is there again, so that a process killed in between forgets nothing.
create table treadle.dropped_indexes (
  index_name text primary key,
  table_name text not null,
  definition text not null,
  reason text not null,
  bytes bigint not null,
  dropped_at timestamptz not null default clock_timestamp()
);
