-- Somebody retried these tasks, and some of them run in Rails by choice: those that are pending now must be run there.
create or replace function treadle.retry_in_rails(p_task_ids bigint[]) returns void
language plpgsql
as $$
begin
  if exists (select from treadle.fleet_choices c where c.engine = 'rails') then
    perform treadle.give_to_rails(array_agg(t.task_id), array_agg(null::timestamptz), 'retried')
    from public.tasker_tasks t
    join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
    join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
    cross join lateral treadle.fleet_choice_of(s.name, n.name) c
    join public.tasker_task_transitions x on x.task_id = t.task_id and x.most_recent and x.to_state = 'pending'
    where t.task_id = any (p_task_ids) and c.engine = 'rails';
  end if;
end
$$;
