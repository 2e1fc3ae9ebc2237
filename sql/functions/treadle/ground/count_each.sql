-- How often each id occurs: {id: count}.
create or replace function treadle.count_each(p_ids bigint[]) returns jsonb
language sql immutable
as $$
  select coalesce(jsonb_object_agg(e.id, e.count), '{}')
  from (select id, count(*) from unnest(p_ids) id group by id) e
$$;
