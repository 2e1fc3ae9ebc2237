-- Makes those of these steps ready that can run now and whose task is in progress. Returns their distinct handlers.
-- Callers hold the locks of the tasks.
create or replace function treadle.offer_steps(p_step_ids bigint[]) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_paused boolean := treadle.heed_pauses();
  v_handlers jsonb;
begin
  with offered as (
    insert into treadle.ready_steps (workflow_step_id, task_id, handler, priority, held)
    select v.workflow_step_id, v.task_id, d.handler, coalesce(d.priority, 0),
      case when v_paused then treadle.is_paused(v.task_id, d.handler) else false end
    from treadle.step_verdicts(p_step_ids, v_now) v
    join public.tasker_tasks t on t.task_id = v.task_id
    join public.tasker_task_transitions c
      on c.task_id = v.task_id and c.most_recent and c.to_state = 'in_progress'
    left join lateral treadle.step_definition(t.named_task_id, v.named_step_id) d on true
    where v.verdict = 'ready'
    on conflict do nothing
    returning handler, held
  )
  select coalesce(jsonb_agg(distinct o.handler) filter (where not o.held), '[]') into v_handlers from offered o;
  return v_handlers;
end
$$;
