-- The wake-ups of those of these tasks that have not begun and whose named task is not ours (any more) become rows of the outbox for
-- Rails: somebody created them while the choice was being made.
create or replace function treadle.pass_on_tasks(p_task_ids bigint[]) returns void
language plpgsql
as $$
declare
  v_task_ids bigint[];
  v_run_at timestamptz[];
begin
  with passed as (
    delete from treadle.wakeups w
    where w.task_id = any (array(
      select t.task_id
      from public.tasker_tasks t
      left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
      where t.task_id = any (p_task_ids)
        and coalesce(c.to_state, 'pending') = 'pending'
        and not exists (select from treadle.own_named_tasks o where o.named_task_id = t.named_task_id)
    ))
    returning w.task_id, w.run_at
  )
  select array_agg(p.task_id), array_agg(p.run_at) into v_task_ids, v_run_at from passed p;
  perform treadle.give_to_rails(v_task_ids, v_run_at, 'handed_over');
end
$$;
