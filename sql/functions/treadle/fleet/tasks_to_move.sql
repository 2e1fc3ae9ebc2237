-- The next page of a move: unfinished tasks by their ids; when all have been looked at, those that stayed and run no step any more.
create or replace function treadle.tasks_to_move(p_move treadle.moving_named_tasks, p_limit integer) returns bigint[]
language plpgsql
set plan_cache_mode = 'force_custom_plan'
as $$
begin
  if p_move.after_task_id is null then
    return array(
      select m.task_id
      from treadle.moving_tasks m
      where m.named_task_id = p_move.named_task_id
        and not exists (select from treadle.claims k where k.task_id = m.task_id)
      order by m.task_id
      limit p_limit
    );
  end if;
  return array(
    select t.task_id
    from public.tasker_tasks t
    where t.named_task_id = p_move.named_task_id and t.complete = false and t.task_id > p_move.after_task_id
    order by t.task_id
    limit p_limit
  );
end
$$;
