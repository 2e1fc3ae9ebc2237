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
begin
  select coalesce(array_agg(t.task_id), '{}'), coalesce(array_agg(t.trouble), '{}')
  into task_ids, troubles
  from treadle.task_troubles(p_task_ids, p_grace) t;
  select m.ready_handlers, m.finalized, m.wakeups
  into ready_handlers, finalized, wakeups
  from treadle.mend_tasks(p_task_ids, task_ids) m;
  return next;
end
$$;
