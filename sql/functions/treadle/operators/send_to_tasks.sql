-- transition_tasks with one event and the same metadata for all of them.
create or replace function treadle.send_to_tasks(p_task_ids bigint[], p_event text, p_metadata jsonb, p_at timestamp)
returns setof bigint
language sql
as $$
  select treadle.transition_tasks(
    p_task_ids,
    array_fill(p_event, array[coalesce(cardinality(p_task_ids), 0)]),
    array_fill(p_metadata, array[coalesce(cardinality(p_task_ids), 0)]),
    p_at
  )
  where cardinality(p_task_ids) > 0
$$;
