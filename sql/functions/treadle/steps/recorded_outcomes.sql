-- Which of these claims have had their outcome recorded under their own number: the answer was lost with the connection, and
-- the outcome was sent again. With it what followed in the same transaction (a task that ended), for those who publish it.
create or replace function treadle.recorded_outcomes(p_claim_ids bigint[], p_step_ids bigint[])
returns table (recorded_claim_ids jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
#variable_conflict use_column
begin
  return query
  with recorded as (
    select r.claim_id, s.task_id, t.created_at as recorded_at
    from unnest(p_claim_ids, p_step_ids) as r (claim_id, step_id)
    join public.tasker_workflow_steps s on s.workflow_step_id = r.step_id
    join public.tasker_workflow_step_transitions t on t.workflow_step_id = r.step_id
    where t.metadata ->> 'claim_id' = r.claim_id::text
      -- those were somebody else: on behalf of a dead worker, at a deadline, or the handler in its own transaction
      and coalesce(t.metadata ->> 'triggered_by', '') not in ('recovery', 'deadline', 'complete_step')
  ),
  -- decided with it, when nothing of the task was recorded in between
  decided as (
    select distinct c.task_id, c.metadata ->> 'event' as event, c.to_state
    from recorded r
    join public.tasker_task_transitions c on c.task_id = r.task_id and c.most_recent and c.created_at >= r.recorded_at
    where c.metadata ->> 'event' in ('complete', 'wait', 'fail')
      and not exists (
        select
        from public.tasker_workflow_steps s
        join public.tasker_workflow_step_transitions t on t.workflow_step_id = s.workflow_step_id
        where s.task_id = r.task_id and t.created_at > r.recorded_at and t.created_at <= c.created_at
      )
  )
  select (select coalesce(jsonb_agg(r.claim_id), '[]') from recorded r),
    (
      select coalesce(jsonb_agg(distinct y.handler), '[]')
      from treadle.ready_steps y
      where y.task_id in (select r.task_id from recorded r)
    ),
    (
      select coalesce(
        jsonb_agg(jsonb_build_object('task_id', d.task_id, 'event', d.event, 'to_state', d.to_state)), '[]'
      )
      from decided d
    ),
    (
      select count(*)::integer
      from treadle.wakeups w
      where w.handed_at is null and w.task_id in (select r.task_id from recorded r)
    );
end
$$;
