-- The named tasks of a namespace and a name, of all versions; a null argument means any. Null when both are null.
create or replace function treadle.named_task_ids(p_namespace text, p_name text) returns integer[]
language sql stable
as $$
  select treadle.named_tasks_in(case when p_namespace is not null then array[p_namespace] end, p_name)
$$;
