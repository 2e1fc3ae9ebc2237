-- Whether anything of these tasks has changed, without reading it: the id of the current transition of each, and the sum
-- of those of its steps. Both only ever rise. Tasks that do not exist (any more) have no row.
create or replace function treadle.task_stamps(p_task_ids bigint[])
returns table (task_id bigint, stamp bigint, steps_stamp bigint)
language sql stable
as $$
  select t.task_id, coalesce(c.id, 0), w.stamp
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  cross join lateral (
    select coalesce(sum(k.id), 0)::bigint as stamp
    from public.tasker_workflow_steps s
    join public.tasker_workflow_step_transitions k on k.workflow_step_id = s.workflow_step_id and k.most_recent
    where s.task_id = t.task_id
  ) w
  where t.task_id = any (p_task_ids)
$$;
