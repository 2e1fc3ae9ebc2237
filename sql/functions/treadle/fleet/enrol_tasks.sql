-- These tasks of ours, which nobody has looked after so far, come under Treadle: their derived rows are built and their wake-ups
-- written, as if a queue had brought them; no state changes. What waited for Rails waits for us.
create or replace function treadle.enrol_tasks(p_task_ids bigint[]) returns void
language plpgsql
set plan_cache_mode = 'force_custom_plan'
as $$
declare
  v_now timestamptz := treadle.now();
begin
  if cardinality(p_task_ids) = 0 then
    return;
  end if;
  perform treadle.wake_for_retries(treadle.refresh_tasks(p_task_ids)); -- which locks them
  with recalled as (
    delete from treadle.tasks_for_rails r where r.task_id = any (p_task_ids) returning r.task_id, r.run_at, r.reason
  )
  insert into treadle.wakeups (task_id, run_at, reason)
  select d.task_id,
    greatest(d.run_at at time zone 'UTC', v_now, case when r.reason <> 'retried' and c.id is null then r.run_at end),
    case when d.event = 'wait' and d.run_at > v_now at time zone 'UTC' then 'retry_due' else 'recovered' end
  from treadle.task_decisions(p_task_ids, v_now at time zone 'UTC') d
  left join public.tasker_task_transitions c on c.task_id = d.task_id and c.most_recent
  left join recalled r on r.task_id = d.task_id
  where coalesce(c.to_state, 'pending') = 'pending'
    or c.to_state = 'in_progress' and d.event in ('complete', 'fail') -- nothing of it will ever run: it has to end
  on conflict do nothing;
  perform treadle.open_tasks_of(p_task_ids);
  perform pg_notify('treadle', 'ready');
  perform pg_notify('treadle', 'wakeups');
end
$$;
