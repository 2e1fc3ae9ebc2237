-- error -> pending for those of these failed tasks of which something can run, still runs, or all is done. The others stay
-- failed. Returns the tasks that moved. Callers hold the locks of the tasks, and start them.
create or replace function treadle.reopen_tasks(p_task_ids bigint[], p_metadata jsonb) returns setof bigint
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_failed bigint[] := array(
    select c.task_id
    from public.tasker_task_transitions c
    where c.task_id = any (p_task_ids) and c.most_recent and c.to_state = 'error'
    order by c.task_id
  );
begin
  if cardinality(v_failed) = 0 then
    return;
  end if;
  return query
  select treadle.send_to_tasks(
    array(select d.task_id from treadle.task_decisions(v_failed, v_now) d where d.event is distinct from 'fail' order by 1),
    'retry', p_metadata, v_now
  );
end
$$;
