-- Which of these pending tasks are woken before their time: the wake-up says so, or (when somebody else changed a task that
-- waits) its steps do. Their wake-ups go back to be handed over again. Callers hold the locks of the tasks.
create or replace function treadle.return_early_wakeups(p_task_ids bigint[], p_now timestamptz) returns bigint[]
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_early bigint[];
  v_waiting bigint[];
begin
  with early as (
    update treadle.wakeups
    set handed_at = null
    where task_id = any (p_task_ids) and run_at > p_now
    returning task_id
  )
  select coalesce(array_agg(e.task_id), '{}') into v_early from early e;

  -- a task that went to pending again and has no wake-up of its own any more
  v_waiting := array(
    select c.task_id
    from public.tasker_task_transitions c
    where c.task_id = any (p_task_ids)
      and c.most_recent
      and not exists (select from treadle.wakeups w where w.task_id = c.task_id)
  );
  if cardinality(v_waiting) = 0 then
    return v_early;
  end if;

  with slept as (
    insert into treadle.wakeups (task_id, run_at, reason)
    select d.task_id, d.run_at at time zone 'UTC', 'retry_due'
    from treadle.task_decisions(v_waiting, p_now at time zone 'UTC') d
    where d.event = 'wait' and d.run_at > p_now at time zone 'UTC'
    returning task_id
  )
  select v_early || coalesce(array_agg(s.task_id), '{}') into v_early from slept s;
  return v_early;
end
$$;
