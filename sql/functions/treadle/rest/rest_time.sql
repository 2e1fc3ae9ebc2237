-- An instant as Rails writes it into JSON: UTC with milliseconds.
create or replace function treadle.rest_time(p_at timestamp) returns text
language sql
immutable
as $$
  select to_char(p_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
