-- The choice that says where the tasks of this name run: that of the named task goes before that of its namespace. No row: nobody
-- chose, and Treadle runs it when a template describes it.
create or replace function treadle.fleet_choice_of(p_namespace text, p_name text) returns setof treadle.fleet_choices
language sql stable
as $$
  select c.*
  from treadle.fleet_choices c
  where c.scope = 'named_task' and c.subject = p_namespace || '/' || p_name
    or c.scope = 'namespace' and c.subject = p_namespace
  order by c.scope = 'named_task' desc
  limit 1
$$;
