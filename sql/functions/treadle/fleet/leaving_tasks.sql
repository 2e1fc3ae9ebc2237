-- Those of these tasks that run in Treadle no more, and of which we still keep something: they leave, and have not gone yet.
create or replace function treadle.leaving_tasks(p_task_ids bigint[]) returns setof bigint
language plpgsql stable
as $$
begin
  if exists (select from treadle.fleet_choices) then
    return query
    select t.task_id
    from public.tasker_tasks t
    where t.task_id = any (p_task_ids)
      and not exists (select from treadle.own_named_tasks o where o.named_task_id = t.named_task_id)
      and (
        exists (select from treadle.claims k where k.task_id = t.task_id)
        or exists (select from treadle.ready_steps r where r.task_id = t.task_id)
        or exists (select from treadle.gates g where g.task_id = t.task_id)
        or exists (select from treadle.wakeups w where w.task_id = t.task_id)
        or exists (select from treadle.deadlines d where d.task_id = t.task_id)
      )
    order by t.task_id;
  end if;
end
$$;
