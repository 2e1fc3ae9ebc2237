-- Those of these tasks that our gem has just created for a named task that runs in Rails by choice: they wait in the outbox for it.
create or replace function treadle.pass_on_new_tasks(p_task_ids bigint[]) returns void
language plpgsql
as $$
begin
  if exists (select from treadle.fleet_choices c where c.engine = 'rails') then
    perform treadle.give_to_rails(array_agg(t.task_id), array_agg(null::timestamptz), 'created')
    from public.tasker_tasks t
    join public.tasker_task_transitions x
      on x.task_id = t.task_id and x.most_recent and x.metadata ->> 'initialized_by' = 'treadle/rails'
    where t.task_id = any (p_task_ids)
      and not exists (select from treadle.own_named_tasks o where o.named_task_id = t.named_task_id);
  end if;
end
$$;
