-- Rebuilds the derived rows (ready_steps, gates) of these tasks from the Rails tables. Tasks that are not in progress,
-- or that run in Rails, have none. The one way in for every change that Treadle did not make itself. Locks the tasks; claims that run at the
-- same time either took their rows before the delete or find none. A claim whose step another hand has moved on is void
-- and goes too: else the task would never be quiet, and the step could not be claimed again. Returns the tasks in which
-- something waits for its time.
create or replace function treadle.refresh_tasks(p_task_ids bigint[]) returns bigint[]
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamp;
  v_step_ids bigint[];
  v_paused boolean;
  v_ours bigint[] := p_task_ids;
  v_waiting bigint[];
begin
  perform treadle.lock_tasks(p_task_ids);
  if exists (select from treadle.fleet_choices) then
    v_ours := array(select treadle.own_tasks(p_task_ids));
  end if;
  v_paused := treadle.heed_pauses();
  delete from treadle.ready_steps where task_id = any (p_task_ids);
  delete from treadle.gates where task_id = any (p_task_ids);
  delete from treadle.claims c
  where c.task_id = any (p_task_ids)
    and case when c.on_record then 'in_progress' else 'pending' end <> coalesce(
      (
        select t.to_state
        from public.tasker_workflow_step_transitions t
        where t.workflow_step_id = c.workflow_step_id and t.most_recent
      ),
      'pending'
    );
  if found then
    perform pg_notify('treadle', 'revoked'); -- whoever runs them must stop
  end if;
  v_now := treadle.utc_now();

  select array_agg(s.workflow_step_id)
  into v_step_ids
  from public.tasker_task_transitions t
  join public.tasker_workflow_steps s on s.task_id = t.task_id
  where t.task_id = any (v_ours)
    and t.most_recent
    and t.to_state = 'in_progress';

  perform treadle.plan_for(cardinality(v_step_ids));
  with verdicts as materialized (
    select * from treadle.step_verdicts(v_step_ids, v_now)
  ),
  gated as (
    insert into treadle.gates (workflow_step_id, task_id, open_parents)
    select v.workflow_step_id, v.task_id, v.open_parents
    from verdicts v
    where v.total_parents >= 2
  ),
  offered as (
    insert into treadle.ready_steps (workflow_step_id, task_id, handler, priority, held)
    select v.workflow_step_id, v.task_id, d.handler, coalesce(d.priority, 0),
      case when v_paused then treadle.is_paused(v.task_id, d.handler) else false end
    from verdicts v
    join public.tasker_tasks t on t.task_id = v.task_id
    left join lateral treadle.step_definition(t.named_task_id, v.named_step_id) d on true
    where v.verdict = 'ready'
  )
  select array_agg(distinct v.task_id) into v_waiting from verdicts v where v.verdict = 'waiting';
  return v_waiting;
end
$$;
