-- Takes the next tasks that a Rails engine has left unfinished under Treadle: of p_limit open tasks after p_after those whose named
-- task a template of ours describes, and that we do not look after yet. Their derived rows are built and their wake-ups written, as
-- if a queue had brought them; no state changes. looked_at below p_limit: that was the last page. Run again, it does the rest. Who
-- holds one of these tasks keeps it waiting for a moment only (55P03): it holds the others meanwhile.
create or replace function treadle.adopt_tasks(p_after bigint, p_limit integer)
returns table (looked_at integer, last_task_id bigint, adopted integer, took_ms double precision)
language plpgsql
set plan_cache_mode = 'force_custom_plan'
set lock_timeout = '20ms'
as $$
#variable_conflict use_column
declare
  v_began_at timestamptz := clock_timestamp();
  v_now timestamptz := treadle.now();
  v_page bigint[] := array(
    select t.task_id
    from public.tasker_tasks t
    where t.task_id > p_after and t.complete = false
    order by t.task_id
    limit p_limit
  );
  v_ours bigint[] := array(
    select t.task_id
    from unnest(v_page) as page (id)
    join public.tasker_tasks t on t.task_id = page.id
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
      and exists (select from treadle.step_definitions d where d.named_task_id = t.named_task_id)
      and not exists (select from treadle.open_tasks o where o.task_id = t.task_id)
    order by t.task_id
  );
begin
  looked_at := cardinality(v_page);
  last_task_id := v_page[looked_at];
  adopted := cardinality(v_ours);
  if adopted > 0 then
    perform treadle.wake_for_retries(treadle.refresh_tasks(v_ours)); -- which locks them
    insert into treadle.wakeups (task_id, run_at, reason)
    select d.task_id,
      greatest(d.run_at at time zone 'UTC', v_now),
      case when d.event = 'wait' and d.run_at > v_now at time zone 'UTC' then 'retry_due' else 'recovered' end
    from treadle.task_decisions(v_ours, v_now at time zone 'UTC') d
    left join public.tasker_task_transitions c on c.task_id = d.task_id and c.most_recent
    where coalesce(c.to_state, 'pending') = 'pending'
      or c.to_state = 'in_progress' and d.event in ('complete', 'fail') -- nothing of it will ever run: it has to end
    on conflict do nothing;
    perform treadle.open_tasks_of(v_ours);
    perform pg_notify('treadle', 'ready');
    perform pg_notify('treadle', 'wakeups');
  end if;
  took_ms := extract(epoch from clock_timestamp() - v_began_at) * 1000;
  return next;
end
$$;
