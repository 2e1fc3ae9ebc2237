-- Whether the Rails engine was chosen for the named task of this task, and it has left Treadle.
create or replace function treadle.runs_in_rails(p_task_id bigint) returns boolean
language sql stable
as $$
  select exists (
    select from public.tasker_tasks t
    join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
    join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
    cross join lateral treadle.fleet_choice_of(s.name, n.name) c
    where t.task_id = p_task_id and c.engine = 'rails'
  ) and not exists (select from treadle.claims k where k.task_id = p_task_id)
    and not exists (select from treadle.moving_tasks m where m.task_id = p_task_id)
$$;
