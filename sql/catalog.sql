-- Reads the Rails engine's part of this database from pg_catalog, as one jsonb in the shape of rails_catalog.json:
-- every public.tasker_* table and view, every function in public. Depends on no search path and writes nothing.
with relation as (
  select c.oid, c.relname, c.relkind
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace
    and c.relname like 'tasker\_%'
    and c.relkind in ('r', 'p', 'v', 'm')
),
relation_column as (
  select
    a.attrelid as oid,
    jsonb_agg(
      jsonb_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'not_null', a.attnotnull,
        'default', pg_get_expr(d.adbin, d.adrelid)
      )
      order by a.attnum
    ) as columns
  from relation r
  join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  group by a.attrelid
),
key_column as (
  -- each column of a primary or foreign key, with the column that it refers to
  select k.oid, key.position, mine.attname, theirs.attname as ref_attname
  from relation r
  join pg_catalog.pg_constraint k on k.conrelid = r.oid and k.contype in ('p', 'f')
  cross join lateral unnest(k.conkey, k.confkey) with ordinality key (attnum, ref_attnum, position)
  join pg_catalog.pg_attribute mine on mine.attrelid = k.conrelid and mine.attnum = key.attnum
  left join pg_catalog.pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attnum = key.ref_attnum
),
key as (
  select
    k.conrelid,
    k.contype,
    k.conname,
    jsonb_build_object('name', k.conname, 'columns', jsonb_agg(c.attname order by c.position))
      || case k.contype
        when 'f' then jsonb_build_object(
          'ref_table', (select ref.relname from pg_catalog.pg_class ref where ref.oid = k.confrelid),
          'ref_columns', jsonb_agg(c.ref_attname order by c.position),
          'on_delete', action.names -> k.confdeltype::text,
          'on_update', action.names -> k.confupdtype::text
        )
        else '{}'
      end as definition
  from pg_catalog.pg_constraint k
  join key_column c on c.oid = k.oid
  cross join (
    select '{"a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT"}'::jsonb as names
  ) action
  group by k.oid, k.conrelid, k.contype, k.conname, k.confrelid, k.confdeltype, k.confupdtype, action.names
),
index_key as (
  -- operator class, collation and direction are named only where they are not the default
  select
    i.indexrelid,
    position <= i.indnkeyatts as is_key,
    position,
    pg_get_indexdef(i.indexrelid, position, true)
      || case
        when position > i.indnkeyatts or coll.oid is null or coll.oid = a.attcollation then ''
        else ' collate ' || quote_ident(coll.collname)
      end
      || case when position > i.indnkeyatts or class.opcdefault then '' else ' ' || class.opcname end
      || case coalesce(i.indoption[position - 1], 0) & 3
        when 1 then ' desc nulls last'
        when 2 then ' nulls first'
        when 3 then ' desc'
        else ''
      end as text
  from relation r
  join pg_catalog.pg_index i on i.indrelid = r.oid
  cross join lateral generate_series(1, i.indnatts) position
  left join pg_catalog.pg_opclass class on position <= i.indnkeyatts and class.oid = i.indclass[position - 1]
  left join pg_catalog.pg_collation coll on position <= i.indnkeyatts and coll.oid = i.indcollation[position - 1]
  left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[position - 1]
),
table_index as (
  select
    i.indrelid,
    jsonb_agg(
      jsonb_build_object(
        'name', c.relname,
        'unique', i.indisunique,
        'method', am.amname,
        'keys', keys.key,
        'include', coalesce(keys.include, '[]'),
        'predicate', pg_get_expr(i.indpred, i.indrelid)
      )
      order by c.relname collate "C"
    ) as indexes
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_am am on am.oid = c.relam
  join (
    select
      indexrelid,
      jsonb_agg(text order by position) filter (where is_key) as key,
      jsonb_agg(text order by position) filter (where not is_key) as include
    from index_key
    group by indexrelid
  ) keys on keys.indexrelid = i.indexrelid
  where not i.indisprimary
    and i.indisvalid
  group by i.indrelid
),
owned_sequence as (
  select
    o.refobjid as oid,
    jsonb_agg(
      jsonb_build_object('name', s.relname, 'column', a.attname, 'type', format_type(q.seqtypid, null))
      order by s.relname collate "C"
    ) as sequences
  from relation r
  join pg_catalog.pg_depend o
    on o.refobjid = r.oid
    and o.refclassid = 'pg_catalog.pg_class'::regclass
    and o.classid = 'pg_catalog.pg_class'::regclass
    and o.deptype in ('a', 'i')
  join pg_catalog.pg_class s on s.oid = o.objid and s.relkind = 'S'
  join pg_catalog.pg_sequence q on q.seqrelid = s.oid
  join pg_catalog.pg_attribute a on a.attrelid = o.refobjid and a.attnum = o.refobjsubid
  group by o.refobjid
),
tables as (
  select jsonb_object_agg(
    r.relname,
    jsonb_build_object(
      'kind', 'table',
      'columns', c.columns,
      'primary_key', (select k.definition from key k where k.conrelid = r.oid and k.contype = 'p'),
      'foreign_keys', coalesce(
        (
          select jsonb_agg(k.definition order by k.conname collate "C")
          from key k
          where k.conrelid = r.oid
            and k.contype = 'f'
        ),
        '[]'
      ),
      'other_constraints', coalesce(
        (
          select jsonb_agg(k.conname || ' ' || pg_get_constraintdef(k.oid) order by k.conname collate "C")
          from pg_catalog.pg_constraint k
          where k.conrelid = r.oid
            and k.contype in ('c', 'u', 'x')
        ),
        '[]'
      ),
      'indexes', coalesce(i.indexes, '[]'),
      'sequences', coalesce(s.sequences, '[]')
    )
  ) as found
  from relation r
  join relation_column c on c.oid = r.oid
  left join table_index i on i.indrelid = r.oid
  left join owned_sequence s on s.oid = r.oid
  where r.relkind in ('r', 'p')
),
views as (
  select jsonb_object_agg(
    r.relname,
    jsonb_build_object(
      'kind', case r.relkind when 'v' then 'view' else 'materialized view' end,
      'columns', (
        select jsonb_agg(jsonb_build_object('name', c -> 'name', 'type', c -> 'type') order by position)
        from jsonb_array_elements(relation_column.columns) with ordinality each_column (c, position)
      )
    )
  ) as found
  from relation r
  join relation_column on relation_column.oid = r.oid
  where r.relkind in ('v', 'm')
),
function_argument as (
  select
    p.oid,
    coalesce(p.proargmodes[position], 'i') as mode,
    position,
    jsonb_build_object(
      'name', p.proargnames[position],
      'type', format_type(type_oid, null)
    ) as argument,
    pg_get_function_arg_default(p.oid, position::int) as argument_default
  from pg_catalog.pg_proc p
  cross join lateral unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) with ordinality a (type_oid, position)
  where p.pronamespace = 'public'::regnamespace
),
functions as (
  select jsonb_agg(
    jsonb_build_object(
      'name', p.proname,
      'arguments', coalesce(
        (
          select jsonb_agg(a.argument || jsonb_build_object('default', a.argument_default) order by a.position)
          from function_argument a
          where a.oid = p.oid
            and a.mode in ('i', 'b', 'v')
        ),
        '[]'
      ),
      'returns', case when p.proretset then 'SETOF ' else '' end || format_type(p.prorettype, null),
      'result', coalesce(
        (
          select jsonb_agg(a.argument order by a.position)
          from function_argument a
          where a.oid = p.oid
            and a.mode in ('o', 'b', 't')
        ),
        '[]'
      ),
      'language', l.lanname,
      'volatility', case p.provolatile when 'i' then 'IMMUTABLE' when 's' then 'STABLE' else 'VOLATILE' end
    )
    order by p.proname collate "C"
  ) as found
  from pg_catalog.pg_proc p
  join pg_catalog.pg_language l on l.oid = p.prolang
  where p.pronamespace = 'public'::regnamespace
    and p.prokind = 'f'
)
select jsonb_build_object(
  'tables', coalesce(tables.found, '{}'),
  'views', coalesce(views.found, '{}'),
  'functions', coalesce(functions.found, '[]')
) as catalog
from tables, views, functions
