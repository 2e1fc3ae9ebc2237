-- error -> pending for the steps of these tasks that have attempts left: Rails runs pending steps only, and heeds their back-off.
-- Returns for each task when the last of them may run, or when its wake-up says. Callers hold the locks of the tasks.
create or replace function treadle.ready_steps_for_rails(p_task_ids bigint[], p_metadata jsonb, p_at timestamp)
returns timestamptz[]
language plpgsql
set plan_cache_mode = 'force_custom_plan'
set enable_seqscan = off
as $$
declare
  v_run_at timestamptz[];
  v_failed bigint[];
begin
  with verdicts as materialized (
    select v.*
    from treadle.step_verdicts(
      array(select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (p_task_ids)), p_at
    ) v
    where v.verdict in ('waiting', 'ready')
  ),
  waits as (
    select v.task_id,
      max(greatest(v.ready_at, s.last_attempted_at + make_interval(secs => s.backoff_request_seconds))) at time zone 'UTC' as until
    from verdicts v
    join public.tasker_workflow_steps s on s.workflow_step_id = v.workflow_step_id
    group by v.task_id
  )
  select array_agg(greatest(w.until, u.run_at, p_at at time zone 'UTC') order by t.position),
    (select array_agg(v.workflow_step_id order by v.workflow_step_id) from verdicts v where v.state = 'error')
  into v_run_at, v_failed
  from unnest(p_task_ids) with ordinality as t (id, position)
  left join waits w on w.task_id = t.id
  left join treadle.wakeups u on u.task_id = t.id;
  perform treadle.send_to_steps(v_failed, 'retry', p_metadata, p_at);
  return v_run_at;
end
$$;
