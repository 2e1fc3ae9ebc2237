-- The room of groups after so many steps were taken that count in all of these.
create or replace function treadle.less_room(p_rooms jsonb, p_group_ids bigint[], p_count integer) returns jsonb
language sql immutable
as $$
  select p_rooms || coalesce(jsonb_object_agg(g.id, (p_rooms ->> g.id::text)::integer - p_count), '{}')
  from unnest(p_group_ids) as g (id)
$$;
