-- Every index of the Rails tables in this database: how large it is, how often it was scanned, and how many entries were
-- written into it, both since the statistics began (entries at least: of a partial index as many as its share of the rows
-- is now). is_counted: its scans read a tenth of the table and more each; for `count(*)` Postgres reads whichever index is
-- the smallest, so that these prove no need of it. is_plain: nothing but its definition would have to be restored, no
-- constraint, uniqueness, setting or comment.
create or replace function treadle.index_facts()
returns table (
  index_name text,
  table_name text,
  definition text,
  bytes bigint,
  scans bigint,
  entries bigint,
  is_counted boolean,
  is_valid boolean,
  is_plain boolean
)
language sql stable
set search_path = pg_catalog
as $$
  select
    c.relname::text,
    t.relname::text,
    pg_get_indexdef(i.indexrelid),
    pg_relation_size(i.indexrelid),
    coalesce(pg_stat_get_numscans(i.indexrelid), 0),
    (w.versions * case when i.indpred is null then 1 else least(greatest(c.reltuples, 0) / greatest(t.reltuples, 1), 1) end)::bigint,
    i.indpred is null
      and c.relam = (select a.oid from pg_am a where a.amname = 'btree')
      and t.reltuples > 0
      and pg_stat_get_tuples_returned(i.indexrelid) >= 0.1 * pg_stat_get_numscans(i.indexrelid) * t.reltuples,
    i.indisvalid,
    not i.indisunique
      and not i.indisclustered
      and not i.indisreplident
      and c.reltablespace = 0
      and c.reloptions is null
      and obj_description(c.oid, 'pg_class') is null
      and not exists (select from pg_constraint k where k.conindid = c.oid)
  from pg_index i
  join pg_class c on c.oid = i.indexrelid
  join pg_class t on t.oid = i.indrelid and t.relkind = 'r'
  cross join lateral (
    select pg_stat_get_tuples_inserted(t.oid) + pg_stat_get_tuples_updated(t.oid) - pg_stat_get_tuples_hot_updated(t.oid)
  ) as w (versions)
  where t.relnamespace = 'public'::regnamespace
    and t.relname like 'tasker\_%'
$$;
