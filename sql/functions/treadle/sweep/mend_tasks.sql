-- Mends tasks that task_troubles named, the way the queue would: start_tasks rebuilds their derived rows and lets them go on,
-- wait or end. A claim that was lost is written again under a worker that is dead, so that take_back_lost_steps ends the
-- attempt by the rule for dead workers. Of p_checked it forgets the tasks that have ended, are no more, or
-- run in Rails.
create or replace function treadle.mend_tasks(p_checked bigint[], p_task_ids bigint[])
returns table (ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  if cardinality(p_task_ids) > 0 then
    perform treadle.lock_tasks(p_task_ids);
    insert into treadle.claims (workflow_step_id, task_id, worker_id, epoch, claimed_at)
    select s.workflow_step_id, s.task_id,
      case when c.metadata ->> 'worker_id' ~ '^\d{1,15}$' then (c.metadata ->> 'worker_id')::bigint else 0 end,
      0, -- no worker ever has this epoch
      treadle.now()
    from public.tasker_workflow_steps s
    join public.tasker_workflow_step_transitions c
      on c.workflow_step_id = s.workflow_step_id and c.most_recent and c.to_state = 'in_progress'
    where s.task_id = any (p_task_ids) and c.metadata ? 'event'
    on conflict do nothing;

    -- what they waited for may be otherwise; start_tasks finds out anew
    delete from treadle.wakeups w where w.task_id = any (p_task_ids) and w.reason = 'retry_due';
    return query select s.ready_handlers, s.finalized, s.wakeups from treadle.start_tasks(p_task_ids) s;
  end if;

  delete from treadle.open_tasks o
  where o.task_id = any (p_checked)
    and not exists (
      select from public.tasker_tasks t
      left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
      where t.task_id = o.task_id and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
    );
  if exists (select from treadle.fleet_choices) then
    delete from treadle.open_tasks o
    where o.task_id = any (array(select unnest(p_checked) except select treadle.own_tasks(p_checked)));
  end if;
  delete from treadle.wakeups w
  where w.task_id = any (p_checked) and not exists (select from public.tasker_tasks t where t.task_id = w.task_id);
end
$$;
