-- Makes the schedules of a template those that it says now. p_schedules: [{name, cron, ... next_at}], names in full. What is as
-- it was is not touched (nobody waits for an engine that is at it) and keeps its next tick, also one that was missed; what a
-- person paused stays paused; what was paused because of an error gets another chance. An older version of the template than the latest has no say. Called under the lock that
-- register_template takes.
create or replace function treadle.put_template_schedules(p_named_task_id integer, p_schedules jsonb) returns void
language plpgsql
as $$
declare
  v_now timestamptz := treadle.now();
  v_namespace text;
  v_task text;
  v_written integer;
begin
  select n.name, t.name into v_namespace, v_task
  from public.tasker_named_tasks t
  join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
  where t.named_task_id = p_named_task_id;
  if treadle.find_named_task(v_namespace, v_task) is distinct from p_named_task_id then
    return;
  end if;

  delete from treadle.schedules s
  where s.from_template and s.namespace_name = v_namespace and s.task_name = v_task
    and s.name not in (select w ->> 'name' from jsonb_array_elements(p_schedules) w);

  insert into treadle.schedules as s
    (name, namespace_name, task_name, cron, timezone, missed, backfill_limit, starts_at, ends_at, context, labels,
     from_template, next_at, created_by, created_at, updated_at)
  select w.name, v_namespace, v_task, w.cron, w.timezone, w.missed, w.backfill_limit, w.starts_at, w.ends_at,
    w.context, w.labels, true, w.next_at, 'template', v_now, v_now
  from jsonb_populate_recordset(null::treadle.schedules, p_schedules) w
  where not exists (
    select from treadle.schedules e
    where e.name = w.name and e.error is null
      and (e.cron, e.timezone, e.missed, e.backfill_limit, e.starts_at, e.ends_at, e.context, e.labels)
        is not distinct from (w.cron, w.timezone, w.missed, w.backfill_limit, w.starts_at, w.ends_at, w.context, w.labels)
  )
  on conflict (name) do update
  set cron = excluded.cron, timezone = excluded.timezone, missed = excluded.missed,
    backfill_limit = excluded.backfill_limit, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    context = excluded.context, labels = excluded.labels, updated_at = v_now, error = null,
    paused_at = case when s.error is null then s.paused_at end,
    paused_by = case when s.error is null then s.paused_by end,
    next_at = case
      when s.error is null
        and (s.cron, s.timezone, s.starts_at, s.ends_at)
          is not distinct from (excluded.cron, excluded.timezone, excluded.starts_at, excluded.ends_at) then s.next_at
      else excluded.next_at
    end;
  get diagnostics v_written = row_count;
  if v_written > 0 then
    perform pg_notify('treadle', 'schedules');
  end if;
end
$$;
