-- Notes those of these tasks that are ours and have not ended in treadle.open_tasks.
create or replace function treadle.open_tasks_of(p_task_ids bigint[]) returns void
language plpgsql
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  if cardinality(p_task_ids) = 0 then
    return;
  end if;
  insert into treadle.open_tasks (task_id)
  select t.task_id
  from unnest(array(select treadle.own_tasks(p_task_ids))) as wanted (id)
  join public.tasker_tasks t on t.task_id = wanted.id
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where not exists (select from treadle.open_tasks o where o.task_id = wanted.id)
    and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
  on conflict do nothing;
end
$$;
