-- Brings the tasks that somebody else wrote to back under Treadle: their derived rows are rebuilt and they go on, or end.
-- Tasks that no template of ours describes are none of our business.
create or replace function treadle.settle_changed_tasks(p_limit integer)
returns table (ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_taken bigint[];
  v_task_ids bigint[];
begin
  with taken as (
    delete from treadle.changed_tasks
    where changed_task_id = any (array(
      select c.changed_task_id
      from treadle.changed_tasks c
      order by c.changed_task_id
      limit p_limit
      for update skip locked
    ))
    returning task_id
  )
  select array_agg(distinct taken.task_id) into v_taken from taken;
  if v_taken is null then
    return;
  end if;
  v_task_ids := array(
    select t.task_id
    from public.tasker_tasks t
    where t.task_id = any (v_taken)
      and exists (select from treadle.step_definitions d where d.named_task_id = t.named_task_id)
  );
  -- what they waited for may have changed; start_tasks finds out anew
  delete from treadle.wakeups where task_id = any (v_task_ids) and reason = 'retry_due';
  return query select * from treadle.start_tasks(v_task_ids);
end
$$;
