-- Lets tasks of named tasks that move go to Rails: what we keep about them is deleted, in_progress becomes pending, steps that wait for
-- their next attempt become pending (Rails runs no others), and they wait in the outbox; not before the last of these steps may
-- run, since Rails does not come back for it. A task with a running step stays for now, one that Rails itself has started
-- stays there. Returns those that stay for now.
create or replace function treadle.release_tasks(p_task_ids bigint[]) returns bigint[]
language plpgsql
set plan_cache_mode = 'force_custom_plan'
set enable_seqscan = off
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_metadata jsonb := '{"triggered_by": "treadle", "reason": "handed_to_rails"}';
  v_kept bigint[];
  v_busy bigint[];
  v_free bigint[];
  v_started bigint[];
  v_run_at timestamptz[];
  v_gone bigint[];
begin
  perform treadle.lock_tasks(p_task_ids);
  -- first: a claim that runs at the same time has taken its row before, and is seen below, or finds none
  with unoffered as (
    delete from treadle.ready_steps where task_id = any (p_task_ids) returning task_id
  )
  select coalesce(array_agg(distinct u.task_id), '{}') into v_kept from unoffered u;
  v_busy := array(select distinct k.task_id from treadle.claims k where k.task_id = any (p_task_ids));

  select array_agg(f.task_id), array_agg(f.task_id) filter (where f.started)
  into v_free, v_started
  from (
    select t.task_id, c.to_state is not distinct from 'in_progress' as started
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where t.task_id = any (p_task_ids)
      and t.task_id <> all (v_busy)
      and (
        coalesce(c.to_state, 'pending') = 'pending'
        or c.to_state = 'in_progress' and (
          coalesce(c.metadata ? 'event', false) -- we have started it, or taken it over:
          or t.task_id = any (v_kept)
          or exists (select from treadle.wakeups w where w.task_id = t.task_id)
        )
      )
      -- run by nobody of ours: another hand will end it
      and not exists (
        select from public.tasker_workflow_steps s
        join public.tasker_workflow_step_transitions x on x.workflow_step_id = s.workflow_step_id and x.most_recent
        where s.task_id = t.task_id and x.to_state = 'in_progress'
      )
    order by t.task_id
  ) f;

  if v_free is not null then
    v_run_at := treadle.ready_steps_for_rails(v_free, v_metadata, v_now);
    perform treadle.send_to_tasks(v_started, 'wait', v_metadata, v_now);
    perform treadle.give_to_rails(v_free, v_run_at, 'handed_over');
  end if;
  v_gone := array(select id from unnest(p_task_ids) id where id <> all (v_busy)); -- those that have ended too
  delete from treadle.gates where task_id = any (v_gone);
  delete from treadle.wakeups where task_id = any (v_gone);
  delete from treadle.deadlines where task_id = any (v_gone);
  delete from treadle.open_tasks where task_id = any (v_gone);
  return v_busy;
end
$$;
