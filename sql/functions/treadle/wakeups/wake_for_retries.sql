-- Makes sure that each of these tasks is woken when the earliest of its waiting steps is due, also while siblings still
-- run. Returns how many wake-ups were written. Callers hold the locks of the tasks.
create or replace function treadle.wake_for_retries(p_task_ids bigint[]) returns integer
language plpgsql
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_running bigint[];
  v_waiting bigint[];
  v_count integer := 0;
begin
  if p_task_ids is null then
    return 0;
  end if;
  v_running := array( -- a task that has ended would be woken again and again
    select c.task_id
    from public.tasker_task_transitions c
    where c.task_id = any (p_task_ids) and c.most_recent and c.to_state = 'in_progress'
  );
  v_waiting := array(
    select s.workflow_step_id
    from public.tasker_workflow_steps s
    left join public.tasker_workflow_step_transitions t
      on t.workflow_step_id = s.workflow_step_id and t.most_recent
    where s.task_id = any (v_running)
      and (
        t.to_state = 'error'
        or (coalesce(t.to_state, 'pending') = 'pending' and s.backoff_request_seconds is not null)
      )
  );
  if cardinality(v_waiting) = 0 then
    return 0;
  end if;
  insert into treadle.wakeups (task_id, run_at, reason)
  select v.task_id, min(coalesce(v.ready_at, v_now)) at time zone 'UTC', 'retry_due'
  from treadle.step_verdicts(v_waiting, v_now) v
  where v.verdict in ('waiting', 'ready')
    and not exists (select from treadle.ready_steps r where r.workflow_step_id = v.workflow_step_id)
  group by v.task_id
  on conflict (task_id) do update
    set run_at = excluded.run_at, reason = excluded.reason, handed_at = null;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
