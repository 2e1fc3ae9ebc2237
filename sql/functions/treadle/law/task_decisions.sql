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
  v_step_ids bigint[] := array(
    select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (p_task_ids)
  );
begin
  perform treadle.plan_for(cardinality(v_step_ids));
  return query
  with verdicts as (
    select v.task_id, v.workflow_step_id, v.verdict, v.ready_at
    from treadle.step_verdicts(v_step_ids, p_at) v
    union all
    select t.id, null, null, null -- a task without steps is decided too
    from unnest(p_task_ids) as t (id)
  ),
  counts as (
    select v.task_id,
      count(v.workflow_step_id) as total,
      count(*) filter (where v.verdict = 'done') as done,
      count(*) filter (where v.verdict = 'running') as running,
      count(*) filter (where v.verdict in ('waiting', 'ready')) as coming,
      min(coalesce(v.ready_at, p_at)) filter (where v.verdict in ('waiting', 'ready')) as run_at,
      coalesce(jsonb_agg(v.workflow_step_id order by v.workflow_step_id)
        filter (where v.verdict in ('failed', 'cancelled', 'stuck')), '[]') as culprits
    from verdicts v
    group by v.task_id
  )
  select c.task_id,
    case
      when c.done = c.total then 'complete'
      when c.running > 0 then null
      when c.coming > 0 then 'wait'
      else 'fail'
    end,
    case
      when c.done = c.total then jsonb_build_object('total_steps', c.total)
      when c.coming > 0 then jsonb_build_object('reason', 'waiting_for_retry')
      else jsonb_build_object('reason', 'blocked_by_failures', 'blocked_by_step_ids', c.culprits)
    end,
    c.run_at
  from counts c;
end
$$;
