-- The named tasks of a namespace and a name, of all versions; a null argument means any. Null when both are null.
create or replace function treadle.named_task_ids(p_namespace text, p_name text) returns integer[]
language sql stable
as $$
  select case when p_namespace is not null or p_name is not null then array(
    select n.named_task_id
    from public.tasker_named_tasks n
    join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
    where (p_namespace is null or s.name = p_namespace)
      and (p_name is null or n.name = p_name)
  ) end
$$;
