-- The engine's one rule of what a step can do now, for any set of steps. It is the Rails readiness rule with the mended
-- defects (a step that may not be retried still gets its first attempt; our own backoff_until is exact), and a test holds
-- both to the same vectors. Verdicts: done, running, cancelled, failed (no attempt left), stuck (flags or limits of a
-- foreign writer forbid it for good), blocked (a parent is open), waiting (until ready_at), ready.
create or replace function treadle.step_verdicts(p_step_ids bigint[], p_at timestamp)
returns table (
  workflow_step_id bigint,
  task_id bigint,
  named_step_id integer,
  state text,
  total_parents integer,
  open_parents integer,
  ready_at timestamp,
  verdict text
)
language sql stable
as $$
  with facts as (
    select s.workflow_step_id, s.task_id, s.named_step_id,
      coalesce(c.to_state, 'pending') as state,
      s.retryable,
      coalesce(s.attempts, 0) as attempts,
      case when s.retryable then coalesce(s.retry_limit, 3) else least(coalesce(s.retry_limit, 3), 1) end as allowance,
      coalesce(s.processed, false) or coalesce(s.in_process, false) as flagged,
      coalesce(p.total, 0)::integer as total_parents,
      coalesce(p.open, 0)::integer as open_parents,
      treadle.step_ready_at(
        c.to_state, c.created_at, c.metadata, s.attempts, s.last_attempted_at, s.backoff_request_seconds
      ) as ready_at
    from unnest(p_step_ids) as wanted (id)
    join public.tasker_workflow_steps s on s.workflow_step_id = wanted.id
    left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
    left join lateral (
      select count(distinct e.from_step_id) as total,
        count(distinct e.from_step_id) filter (
          where t.to_state is null or t.to_state not in ('complete', 'resolved_manually')
        ) as open
      from public.tasker_workflow_step_edges e
      left join public.tasker_workflow_step_transitions t on t.workflow_step_id = e.from_step_id and t.most_recent
      where e.to_step_id = s.workflow_step_id
    ) p on true
  )
  select f.workflow_step_id, f.task_id, f.named_step_id, f.state, f.total_parents, f.open_parents, f.ready_at,
    case
      when f.state in ('complete', 'resolved_manually') then 'done'
      when f.state = 'in_progress' then 'running'
      when f.state = 'cancelled' then 'cancelled'
      when f.state = 'error' and (f.attempts >= f.allowance or not f.retryable) then 'failed'
      when f.attempts >= f.allowance or f.flagged then 'stuck'
      when f.open_parents > 0 then 'blocked'
      when f.ready_at > p_at then 'waiting'
      else 'ready'
    end
  from facts f
$$;
