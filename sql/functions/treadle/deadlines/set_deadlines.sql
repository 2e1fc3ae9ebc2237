-- Until when these new tasks must have ended: what their request says (deadline_at, or deadline_seconds from its earliest
-- start), else what the template says. Engines arm a timer for the earliest deadline, so they hear of an earlier one.
create or replace function treadle.set_deadlines(
  p_named_task_id integer,
  p_requests jsonb,
  p_task_ids bigint[],
  p_now timestamptz
) returns void
language plpgsql
as $$
declare
  v_default interval := (select d.deadline from treadle.task_definitions d where d.named_task_id = p_named_task_id);
  v_known timestamptz;
  v_earliest timestamptz;
begin
  if v_default is null and not exists (
    select from jsonb_array_elements(p_requests) r where r ?| array['deadline_at', 'deadline_seconds']
  ) then
    return;
  end if;

  v_known := (select min(d.deadline_at) from treadle.deadlines d);
  with dated as (
    insert into treadle.deadlines (task_id, deadline_at)
    select t.task_id, due.deadline_at
    from treadle.task_requests(p_requests) r
    join public.tasker_tasks t on t.identity_hash = r.identity_hash
    cross join lateral (
      select coalesce(
        r.deadline_at,
        greatest(r.run_at, p_now) + coalesce(make_interval(secs => r.deadline_seconds), v_default)
      ) as deadline_at
    ) due
    where t.task_id = any (p_task_ids) and due.deadline_at is not null
    on conflict (task_id) do nothing
    returning deadline_at
  )
  select min(d.deadline_at) into v_earliest from dated d;
  if v_earliest < v_known or (v_known is null and v_earliest is not null) then
    perform pg_notify('treadle', 'deadlines');
  end if;
end
$$;
