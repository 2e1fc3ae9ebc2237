-- All versions of the named tasks that a choice of this subject is about.
create or replace function treadle.fleet_named_tasks(p_scope text, p_subject text) returns integer[]
language sql stable
as $$
  select treadle.named_task_ids(
    split_part(p_subject, '/', 1),
    case when p_scope = 'named_task' then substr(p_subject, position('/' in p_subject) + 1) end
  )
$$;
