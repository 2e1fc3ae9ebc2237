-- The keys of {id: state} as ids in order; of one state only when it is given.
create or replace function treadle.ids_of(p_states jsonb, p_state text default null) returns bigint[]
language sql immutable
as $$
  select coalesce(array_agg(e.key::bigint order by e.key::bigint), '{}')
  from jsonb_each_text(p_states) e
  where p_state is null or e.value = p_state
$$;
