-- The finalizer's table, as data: for each task the event to send (null: something still runs, leave it), the audit
-- metadata, and for a wait the instant of the earliest step. Blocked means that nothing can still succeed: a failed step
-- beside one that waits for its retry is a wait.
create or replace function treadle.task_decisions(p_task_ids bigint[], p_at timestamp)
returns table (task_id bigint, event text, metadata jsonb, run_at timestamp)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_complete bigint[];
  v_totals bigint[];
  v_undone bigint[];
  v_step_ids bigint[];
begin
  -- most of the tasks that are asked about are complete, a task without steps too: they need no verdicts
  select array_agg(t.id) filter (where s.done = s.total), array_agg(s.total) filter (where s.done = s.total),
    array_agg(t.id) filter (where s.done < s.total)
  into v_complete, v_totals, v_undone
  from unnest(p_task_ids) as t (id)
  cross join lateral (
    select count(*) as total, count(*) filter (where c.to_state in ('complete', 'resolved_manually')) as done
    from public.tasker_workflow_steps s
    left join lateral (
      select c.to_state
      from public.tasker_workflow_step_transitions c
      where c.workflow_step_id = s.workflow_step_id and c.most_recent
      offset 0
    ) c on true
    where s.task_id = t.id
  ) s;
  return query
  select c.id, 'complete', jsonb_build_object('total_steps', c.total), null::timestamp
  from unnest(v_complete, v_totals) as c (id, total);
  if v_undone is null then
    return;
  end if;

  v_step_ids := array(select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (v_undone));
  perform treadle.plan_for(cardinality(v_step_ids));
  return query
  with counts as (
    select v.task_id,
      count(*) filter (where v.verdict = 'running') as running,
      count(*) filter (where v.verdict in ('waiting', 'ready')) as coming,
      min(coalesce(v.ready_at, p_at)) filter (where v.verdict in ('waiting', 'ready')) as run_at,
      coalesce(jsonb_agg(v.workflow_step_id order by v.workflow_step_id)
        filter (where v.verdict in ('failed', 'cancelled', 'stuck')), '[]') as culprits
    from treadle.step_verdicts(v_step_ids, p_at) v
    group by v.task_id
  )
  select c.task_id,
    case
      when c.running > 0 then null
      when c.coming > 0 then 'wait'
      else 'fail'
    end,
    case
      when c.coming > 0 then jsonb_build_object('reason', 'waiting_for_retry')
      else jsonb_build_object('reason', 'blocked_by_failures', 'blocked_by_step_ids', c.culprits)
    end,
    c.run_at
  from counts c;
end
$$;
