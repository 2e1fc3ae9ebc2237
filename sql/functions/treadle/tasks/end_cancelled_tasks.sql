-- Another hand cancelled some of these tasks: cancels their unfinished steps, and nothing waits for them any more. Callers
-- hold the locks of the tasks.
create or replace function treadle.end_cancelled_tasks(p_task_ids bigint[]) returns void
language plpgsql
as $$
declare
  v_cancelled bigint[] := array(
    select c.task_id
    from public.tasker_task_transitions c
    where c.task_id = any (p_task_ids) and c.most_recent and c.to_state = 'cancelled'
  );
begin
  if cardinality(v_cancelled) > 0 then
    perform treadle.cancel_unfinished_steps(v_cancelled, '{"triggered_by": "treadle", "reason": "its task was cancelled"}');
    perform treadle.forget_tasks(v_cancelled);
  end if;
end
$$;
