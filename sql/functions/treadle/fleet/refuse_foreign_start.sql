-- Somebody who is not Treadle starts this task. Where Treadle was chosen for its named task that is a job of Rails which was on its way
-- when the choice was made: raises TR001, and nothing is written. Elsewhere a write of a Rails app never fails because of us.
create or replace function treadle.refuse_foreign_start(p_task_id bigint) returns void
language plpgsql
as $$
declare
  v_task text;
begin
  select s.name || '/' || n.name into v_task
  from public.tasker_tasks t
  join treadle.own_named_tasks o on o.named_task_id = t.named_task_id and o.chosen
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  where t.task_id = p_task_id;
  if found then
    raise exception 'task % runs in Treadle, which was chosen for %: expected no other engine to start it; drop the job, or choose rails (treadle fleet)',
      p_task_id, v_task using errcode = 'TR001';
  end if;
end
$$;
