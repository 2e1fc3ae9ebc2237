-- Moves the next p_limit unfinished tasks of a named task whose engine was changed; then, again and again, those whose running steps
-- have ended since. Returns how many tasks it moved, how many of all still wait for their running steps, and whether there are
-- tasks that it could move at once (`more`); no row: nothing moves. Callers at the same time take different named tasks.
create or replace function treadle.move_tasks(p_limit integer) returns table (moved integer, waiting integer, more boolean)
language plpgsql
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_move treadle.moving_named_tasks;
begin
  select m.* into v_move
  from treadle.moving_named_tasks m
  order by m.looked_at nulls first, m.named_task_id
  limit 1
  for update skip locked;
  moved := case when found then treadle.move_page(v_move, p_limit) else 0 end;
  if not exists (select from treadle.moving_named_tasks) then
    return; -- the end of the last move, which is a call of its own
  end if;
  waiting := (select count(*) from treadle.moving_tasks);
  more := exists (select from treadle.moving_named_tasks m where m.after_task_id is not null)
    or exists (
      select from treadle.moving_named_tasks m
      where not exists (select from treadle.moving_tasks t where t.named_task_id = m.named_task_id)
    );
  return next;
end
$$;
