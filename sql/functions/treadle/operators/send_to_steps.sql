-- transition_steps with one event and the same metadata for all of them.
create or replace function treadle.send_to_steps(p_step_ids bigint[], p_event text, p_metadata jsonb, p_at timestamp)
returns setof bigint
language sql
as $$
  select treadle.transition_steps(
    p_step_ids,
    array_fill(p_event, array[coalesce(cardinality(p_step_ids), 0)]),
    array_fill(p_metadata, array[coalesce(cardinality(p_step_ids), 0)]),
    p_at
  )
  where cardinality(p_step_ids) > 0
$$;
