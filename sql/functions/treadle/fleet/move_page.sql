-- One page of one move; the last one ends it. The end has a call of its own, which holds the lock of no task: resume waits for others.
-- Returns how many tasks moved.
create or replace function treadle.move_page(p_move treadle.moving_named_tasks, p_limit integer) returns integer
language plpgsql
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_page bigint[];
  v_stay bigint[] := '{}';
begin
  if p_move.looked_at is null and p_move.engine = 'rails' then
    perform treadle.hold_ready_steps('named_task', p_move.named_task_id::text); -- claims need not walk over them
  end if;
  v_page := treadle.tasks_to_move(p_move, p_limit);
  if p_move.after_task_id is null and cardinality(v_page) = 0 then
    perform treadle.end_move(p_move);
    return 0;
  end if;

  if p_move.engine = 'treadle' then
    perform treadle.enrol_tasks(array(
      select o.id
      from treadle.own_tasks(v_page) as o (id)
      left join public.tasker_task_transitions c on c.task_id = o.id and c.most_recent
      where coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
    ));
  else
    v_stay := treadle.release_tasks(v_page);
    delete from treadle.moving_tasks m where m.task_id = any (v_page) and m.task_id <> all (v_stay);
    insert into treadle.moving_tasks (task_id, named_task_id)
    select id, p_move.named_task_id from unnest(v_stay) id
    on conflict do nothing;
  end if;
  update treadle.moving_named_tasks m
  set looked_at = treadle.now(),
    after_task_id = case when m.after_task_id is not null and cardinality(v_page) = p_limit then v_page[p_limit] end
  where m.named_task_id = p_move.named_task_id;
  return cardinality(v_page) - cardinality(v_stay);
end
$$;
