-- Ends a move of which all tasks have been looked at. It goes on while a step still runs, or is offered (by a transaction that had not
-- seen the choice): its task moves too.
create or replace function treadle.end_move(p_move treadle.moving_named_tasks) returns void
language plpgsql
as $$
begin
  if p_move.engine = 'rails' then
    insert into treadle.moving_tasks (task_id, named_task_id)
    select distinct r.task_id, t.named_task_id
    from treadle.ready_steps r
    join public.tasker_tasks t on t.task_id = r.task_id
    where t.named_task_id = p_move.named_task_id
    on conflict do nothing;
    if exists (select from treadle.moving_tasks m where m.named_task_id = p_move.named_task_id) then
      update treadle.moving_named_tasks m set looked_at = treadle.now() where m.named_task_id = p_move.named_task_id;
      return;
    end if;
    perform treadle.resume('named_task', p_move.named_task_id::text);
  end if;
  delete from treadle.moving_named_tasks m where m.named_task_id = p_move.named_task_id;
end
$$;
