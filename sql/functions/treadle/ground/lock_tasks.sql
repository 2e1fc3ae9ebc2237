-- Lock order, written once: task rows in id order, then step rows, then gates in id order. Whoever changes the state or
-- the derived rows of a task holds its row; claims alone do not, they take ready steps with skip locked.
create or replace function treadle.lock_tasks(p_task_ids bigint[]) returns void
language plpgsql
set enable_seqscan = off
set enable_material = off
as $$
begin
  perform 1
  from public.tasker_tasks t
  where t.task_id = any (p_task_ids)
  order by t.task_id
  for no key update;
end
$$;
