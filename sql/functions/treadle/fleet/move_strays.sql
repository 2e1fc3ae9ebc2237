-- Of these tasks, which are not ours, those of which a step is still offered: their named task moves (again). Found by the sweep.
create or replace function treadle.move_strays(p_task_ids bigint[]) returns void
language plpgsql
as $$
begin
  perform treadle.begin_moves(array_agg(distinct t.named_task_id), 'rails')
  from treadle.ready_steps r
  join public.tasker_tasks t on t.task_id = r.task_id
  where r.task_id = any (p_task_ids)
    and not exists (select from treadle.own_named_tasks o where o.named_task_id = t.named_task_id)
    and not exists (select from treadle.moving_named_tasks m where m.named_task_id = t.named_task_id);
end
$$;
