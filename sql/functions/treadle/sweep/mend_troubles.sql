-- Looks at these tasks closely and mends what is wrong with them. Returns which had a trouble and what it was (arrays in
-- parallel), and what follows as start_tasks says it.
create or replace function treadle.mend_troubles(p_task_ids bigint[], p_grace interval)
returns table (
  task_ids bigint[],
  troubles text[],
  ready_handlers jsonb,
  finalized jsonb,
  wakeups integer
)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_ours bigint[] := p_task_ids;
begin
  if exists (select from treadle.fleet_choices) then
    v_ours := array(select treadle.own_tasks(p_task_ids));
    perform treadle.pass_on_tasks(p_task_ids);
    perform treadle.move_strays(array(select unnest(p_task_ids) except select unnest(v_ours)));
  end if;
  select coalesce(array_agg(t.task_id), '{}'), coalesce(array_agg(t.trouble), '{}')
  into task_ids, troubles
  from treadle.task_troubles(v_ours, p_grace) t;
  select m.ready_handlers, m.finalized, m.wakeups
  into ready_handlers, finalized, wakeups
  from treadle.mend_tasks(p_task_ids, task_ids) m;
  return next;
end
$$;
