-- Takes the next tasks that a Rails engine has left unfinished under Treadle: of p_limit open tasks after p_after those whose named
-- task is ours, and that we do not look after yet (enrol_tasks). A state changes only where Treadle was chosen and Rails has left
-- a task in progress: it becomes pending, since callers know that no worker of Rails is at it. looked_at below p_limit: that was
-- the last page. Run again, it does the rest. Who holds one of these tasks keeps it waiting for a moment only (55P03): it holds
-- the others meanwhile.
create or replace function treadle.adopt_tasks(p_after bigint, p_limit integer)
returns table (looked_at integer, last_task_id bigint, adopted integer, took_ms double precision)
language plpgsql
set plan_cache_mode = 'force_custom_plan'
set lock_timeout = '20ms'
as $$
#variable_conflict use_column
declare
  v_began_at timestamptz := clock_timestamp();
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
      and exists (select from treadle.own_named_tasks o where o.named_task_id = t.named_task_id)
      and not exists (select from treadle.open_tasks o where o.task_id = t.task_id)
    order by t.task_id
  );
begin
  looked_at := cardinality(v_page);
  last_task_id := v_page[looked_at];
  adopted := cardinality(v_ours);
  perform treadle.lock_tasks(v_ours);
  perform treadle.send_to_tasks(
    array(select unnest(v_ours) except select treadle.own_tasks(v_ours) order by 1),
    'wait', '{"triggered_by": "treadle", "reason": "adopted"}', treadle.utc_now()
  );
  perform treadle.enrol_tasks(v_ours);
  took_ms := extract(epoch from clock_timestamp() - v_began_at) * 1000;
  return next;
end
$$;
