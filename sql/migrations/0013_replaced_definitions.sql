-- What `treadle tune functions` keeps so that it can be undone.

-- A view or a function of a Rails app (in public) that has been replaced by ours: how Postgres printed it, as a statement that brings
-- it back, whose it was, and what stood beside it. ours: how Postgres printed what took its place; whatever is there that
-- reads differently was put there by somebody else. server_version: the major one that printed both; another one may print the same
-- differently. source_hash: of our file.
create table treadle.replaced_definitions (
  object_name text primary key,
  kind text not null check (kind in ('function', 'view')),
  signature text not null,
  definition text not null,
  owner text not null,
  grants text,
  comment text,
  ours text not null,
  source_hash text not null,
  server_version integer not null default current_setting('server_version_num')::integer / 10000,
  replaced_at timestamptz not null default clock_timestamp()
);
