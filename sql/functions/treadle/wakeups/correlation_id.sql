-- Under which the wake-ups of a task are found in the logs of a queue: its first tag `correlation_id:<value>` whose value
-- every queue can carry (1 to 128 printable ASCII characters, no blanks), else `treadle-<task_id>`. The same as
-- core/correlation.ts.
create or replace function treadle.correlation_id(p_task_id bigint, p_tags jsonb) returns text
language sql immutable
as $$
  select coalesce(
    (
      select substr(tag.value #>> '{}', 16)
      from jsonb_array_elements(case when jsonb_typeof(p_tags) = 'array' then p_tags else '[]' end)
        with ordinality as tag (value, ordinal)
      where jsonb_typeof(tag.value) = 'string' and tag.value #>> '{}' ~ '^correlation_id:[!-~]{1,128}$'
      order by tag.ordinal
      limit 1
    ),
    'treadle-' || p_task_id
  )
$$;
