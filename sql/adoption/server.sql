-- What adoption needs of the server and of the role that connects: one row. `holders` are transactions of others that hold locks on
-- the two transition tables for more than a second: while one lives, no trigger can be made.
with transitions as (
  select c.oid
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace
    and c.relname in ('tasker_task_transitions', 'tasker_workflow_step_transitions')
),
needed as (
  select c.oid, c.relname, privilege
  from pg_catalog.pg_class c
  cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRIGGER']) as privilege
  where c.relnamespace = 'public'::regnamespace
    and c.relname like 'tasker\_%'
    and c.relkind = 'r'
    and (privilege <> 'TRIGGER' or c.oid in (select oid from transitions))
),
holders as (
  select a.pid, a.application_name, extract(epoch from clock_timestamp() - a.xact_start)::double precision as seconds
  from pg_catalog.pg_stat_activity a
  where a.pid <> pg_backend_pid()
    and a.xact_start < clock_timestamp() - interval '1 second'
    and exists (
      select
      from pg_catalog.pg_locks l
      where l.pid = a.pid
        and l.granted
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
        and l.relation in (select oid from transitions)
        and l.mode not in ('AccessShareLock', 'RowShareLock')
    )
)
select
  pg_catalog.pg_is_in_recovery() as is_standby,
  current_setting('server_version') as version,
  current_setting('server_version_num')::integer as version_number,
  current_user as role,
  to_regnamespace('treadle') is not null or has_database_privilege(current_database(), 'CREATE') as may_create_schema,
  coalesce(
    (
      select jsonb_agg(n.privilege || ' on ' || n.relname order by n.relname, n.privilege)
      from needed n
      where not has_table_privilege(n.oid, n.privilege)
    ),
    '[]'
  ) as missing_privileges,
  coalesce((select jsonb_agg(to_jsonb(h) order by h.seconds desc) from holders h), '[]') as holders
