-- How large the tables of the Rails engine are; rows as the planner estimates them (-1: never counted).
select c.relname as table_name, c.reltuples::double precision as rows_estimated, pg_table_size(c.oid) as table_bytes,
  pg_indexes_size(c.oid) as index_bytes,
  (select count(*)::integer from pg_catalog.pg_index i where i.indrelid = c.oid) as indexes
from pg_catalog.pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relname like 'tasker\_%'
  and c.relkind = 'r'
order by c.relname
