-- The named tasks of these namespaces and this name, of all versions; a null argument means any. Null when both are null.
create or replace function treadle.named_tasks_in(p_namespaces text[], p_name text) returns integer[]
language sql stable
as $$
  select case when p_namespaces is not null or p_name is not null then array(
    select n.named_task_id
    from public.tasker_named_tasks n
    join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
    where (p_namespaces is null or s.name = any (p_namespaces))
      and (p_name is null or n.name = p_name)
  ) end
$$;
