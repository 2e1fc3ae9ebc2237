-- For queues that forget with their process: every task of ours that has not ended is handed over again, for the instant
-- that its wake-up says, else for now. Returns how many.
create or replace function treadle.wake_unfinished_tasks() returns integer
language plpgsql
as $$
declare
  v_count integer;
begin
  insert into treadle.wakeups (task_id, run_at, reason)
  select t.task_id, treadle.now(), 'recovered'
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where not t.complete
    and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
    and t.task_id in (select treadle.own_tasks(array[t.task_id]))
  on conflict (task_id) do update set handed_at = null;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
