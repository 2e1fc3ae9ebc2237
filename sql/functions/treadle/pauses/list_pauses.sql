-- What is paused, the oldest first, and how many ready steps each pause is about.
create or replace function treadle.list_pauses()
returns table (scope text, subject text, paused_by text, reason text, paused_at timestamptz, steps bigint)
language sql stable
as $$
  select p.scope, p.subject, p.paused_by, p.reason, p.paused_at,
    (select count(*) from treadle.ready_steps_in_scope(p.scope, p.subject))
  from treadle.pauses p
  where p.scope <> 'named_task' -- list_fleet shows those
  order by p.paused_at, p.scope, p.subject
$$;
