-- What is wrong with these tasks: one row per task, with the gravest trouble that it has. A task without a row is well: it
-- runs, waits for something that will come, or has ended. The rule is that of step_verdicts, compared with what is kept:
-- lost_claim (a step that we started and nobody holds), void_claim (held, but its step runs no more), lost_offer (ready,
-- and not offered), false_offer (offered without being ready, to the wrong handler, or held without a pause, or the reverse),
-- wrong_gate, overdue (its wake-up is late by more than p_grace), late_wakeup (it can run before its wake-up), no_wakeup (it
-- can run or end, and nothing will wake it).
create or replace function treadle.task_troubles(p_task_ids bigint[], p_grace interval)
returns table (task_id bigint, trouble text)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_soon timestamptz := v_now + interval '1 second'; -- others go on while we look: what is due now is in good hands
  v_paused boolean := exists (select from treadle.pauses);
  v_step_ids bigint[] := array(
    select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (p_task_ids)
  );
begin
  perform treadle.plan_for(cardinality(v_step_ids));
  return query
  with steps as (
    select v.task_id, v.workflow_step_id, v.verdict, v.ready_at,
      r.workflow_step_id is not null as offered,
      r.handler is distinct from d.handler
        or r.held <> case when v_paused then treadle.is_paused(v.task_id, d.handler) else false end
        as misdirected,
      k.workflow_step_id is not null as claimed,
      -- without `event` another hand runs it, and will end it
      v.verdict = 'running' and k.workflow_step_id is null and c.metadata ? 'event' as abandoned,
      case when v.total_parents >= 2 then v.open_parents end is distinct from g.open_parents as misgated
    from treadle.step_verdicts(v_step_ids, v_now at time zone 'UTC') v
    left join treadle.ready_steps r on r.workflow_step_id = v.workflow_step_id
    left join public.tasker_tasks t on t.task_id = r.task_id
    left join lateral treadle.step_definition(t.named_task_id, v.named_step_id) d on true
    left join treadle.claims k on k.workflow_step_id = v.workflow_step_id
    left join treadle.gates g on g.workflow_step_id = v.workflow_step_id
    left join public.tasker_workflow_step_transitions c
      on v.verdict = 'running' and c.workflow_step_id = v.workflow_step_id and c.most_recent
    union all
    select t.id, null, null, null, null, null, null, null, null -- a task without steps is judged too
    from unnest(p_task_ids) as t (id)
  ),
  sums as (
    select s.task_id as id,
      count(s.workflow_step_id) as total,
      bool_or(s.offered) as any_offered,
      bool_or(s.claimed or s.verdict = 'running') as any_running,
      bool_or(s.abandoned) as any_abandoned,
      bool_or(s.claimed and s.verdict <> 'running') as any_void,
      bool_or(s.verdict = 'ready' and not s.offered and not s.claimed) as any_unoffered,
      bool_or(
        s.offered and (
          s.misdirected
          or s.verdict <> 'ready' and (s.verdict <> 'waiting' or s.ready_at > v_soon at time zone 'UTC')
        )
      ) as any_misoffered,
      bool_or(s.misgated) as any_misgated,
      min(coalesce(s.ready_at at time zone 'UTC', v_now))
        filter (where s.verdict in ('waiting', 'ready') and not s.offered and not s.claimed) as next_at
    from steps s
    group by s.task_id
  ),
  facts as (
    select t.task_id, coalesce(c.to_state, 'pending') as state, w.run_at, w.reason, s.*,
      c.task_id is null and s.total = 0 and t.created_at > (v_now - interval '1 minute') at time zone 'UTC'
        as unborn -- somebody may still be inserting its steps
    from sums s
    join public.tasker_tasks t on t.task_id = s.id
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    left join treadle.wakeups w on w.task_id = t.task_id
  ),
  judged as (
    select f.task_id,
      case
        when f.run_at < v_now - p_grace then 'overdue'
        when f.run_at <= v_soon or f.unborn then null -- about to be looked at anyway
        when f.any_void then 'void_claim'
        when f.any_abandoned and f.state in ('pending', 'in_progress') then 'lost_claim'
        when f.any_misoffered or f.any_offered and f.state <> 'in_progress' then 'false_offer'
        when f.state = 'in_progress' then case
          when f.any_unoffered then 'lost_offer'
          when f.any_misgated then 'wrong_gate'
          when f.next_at is not null and f.run_at is null then 'no_wakeup'
          when f.next_at < f.run_at then 'late_wakeup'
          when f.any_offered or f.any_running then null
          else 'no_wakeup' -- nothing is left to do but to decide
        end
        when f.state = 'pending' then case
          when f.run_at is null then 'no_wakeup'
          when f.reason = 'retry_due' and f.run_at > coalesce(f.next_at, v_now) then 'late_wakeup'
        end
      end as trouble
    from facts f
  )
  select j.task_id, j.trouble
  from judged j
  where j.trouble is not null
  order by j.task_id;
end
$$;
