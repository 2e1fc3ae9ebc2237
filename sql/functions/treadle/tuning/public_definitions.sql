-- The views and functions of these names in the schema public, one row for each signature: as a statement that makes it again, with
-- every name qualified, and what else belongs to it. peculiarity: what a statement of another one would not keep. refusal: why
-- this role may not replace it.
create or replace function treadle.public_definitions(p_names text[])
returns table (
  object_name text,
  kind text,
  signature text,
  definition text,
  owner text,
  grants text,
  comment text,
  peculiarity text,
  refusal text
)
language sql stable
set search_path = pg_catalog
as $$
  select
    o.object_name,
    o.kind,
    o.signature,
    o.definition,
    pg_get_userbyid(o.owner)::text,
    o.acl::text,
    o.comment,
    o.peculiarity,
    case
      when not pg_has_role(o.owner, 'USAGE')
        then format('it belongs to %s, and %s may not change it', pg_get_userbyid(o.owner), current_user)
      when not has_schema_privilege('public', 'CREATE') then format('%s may not create in the schema public', current_user)
    end
  from (
    select
      p.proname::text,
      'function',
      format('public.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
      pg_get_functiondef(p.oid),
      p.proowner,
      p.proacl,
      obj_description(p.oid, 'pg_proc'),
      case
        when p.prosecdef then 'it is security definer'
        when p.proisstrict then 'it is strict'
        when p.proconfig is not null then 'it has settings of its own'
        when p.provolatile <> 's' then 'it is not stable'
      end
    from pg_proc p
    where p.pronamespace = 'public'::regnamespace
      and p.prokind = 'f'
      and p.proname = any (p_names)
    union all
    select
      c.relname::text,
      'view',
      format('public.%I', c.relname),
      format('CREATE OR REPLACE VIEW public.%I AS %s', c.relname, pg_get_viewdef(c.oid)),
      c.relowner,
      c.relacl,
      obj_description(c.oid, 'pg_class'),
      case when c.reloptions is not null then 'it has options of its own' end
    from pg_class c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind = 'v'
      and c.relname = any (p_names)
  ) o (object_name, kind, signature, definition, owner, acl, comment, peculiarity)
$$;
