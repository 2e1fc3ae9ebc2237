-- Brings the tasks that somebody else wrote to back under Treadle: their derived rows are rebuilt and they go on, or end.
-- A cancelled task cancels its unfinished steps; a failed one goes on when it was a step that changed and something of it
-- can run now (a hand that wrote to the task itself has had the last word). What does not run in Treadle is none of our
-- business, save that tasks which our gem has created for Rails are passed on to it.
create or replace function treadle.settle_changed_tasks(p_limit integer)
returns table (ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_taken bigint[];
  v_by_step bigint[];
  v_task_ids bigint[];
  v_leaving bigint[];
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
    returning changed_task_id, task_id, of_step
  ),
  changed as (
    select taken.task_id, (array_agg(taken.of_step order by taken.changed_task_id desc))[1] as by_step
    from taken
    group by taken.task_id
  )
  select array_agg(c.task_id), array_agg(c.task_id) filter (where c.by_step)
  into v_taken, v_by_step
  from changed c;
  if v_taken is null then
    return;
  end if;
  v_task_ids := array(select treadle.own_tasks(v_taken));
  v_leaving := array(select treadle.leaving_tasks(v_taken));
  perform treadle.pass_on_new_tasks(v_taken);
  perform treadle.lock_tasks(v_task_ids || v_leaving);
  perform treadle.end_cancelled_tasks(v_task_ids || v_leaving);
  if cardinality(v_leaving) > 0 then
    perform treadle.refresh_tasks(v_leaving); -- which leaves nothing of them but what runs
  end if;
  perform treadle.reopen_tasks(
    array(select id from unnest(v_by_step) id where id = any (v_task_ids)),
    '{"triggered_by": "treadle", "reason": "a step was changed elsewhere"}'
  );
  return query select * from treadle.continue_tasks(v_task_ids);
end
$$;
