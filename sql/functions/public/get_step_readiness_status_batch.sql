-- Where every step of these tasks stands, and whether it may run now. This is the one rule of readiness for readers in
-- Rails; the other functions ask it. A step is ready when it is pending or failed with attempts left, all its parents are
-- done, no flag holds it, and its back-off has passed. All columns are UTC, so the clock is read as UTC too and the time
-- zone of the session does not matter. Two things are ours: an `error` row whose metadata has backoff_until waits until
-- exactly then, and a step that is not retryable still gets its first attempt (retry_eligible only compares counts, as
-- in Rails). Edges count, not distinct parents: a doubled edge is two parents.
create or replace function public.get_step_readiness_status_batch(input_task_ids bigint[])
returns table (
  workflow_step_id bigint,
  task_id bigint,
  named_step_id integer,
  name text,
  current_state text,
  dependencies_satisfied boolean,
  retry_eligible boolean,
  ready_for_execution boolean,
  last_failure_at timestamp,
  next_retry_at timestamp,
  total_parents integer,
  completed_parents integer,
  attempts integer,
  retry_limit integer,
  backoff_request_seconds integer,
  last_attempted_at timestamp
)
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_now constant timestamp := now() at time zone 'UTC';
begin
  return query
  with step as (
    select
      s.*,
      coalesce(s.attempts, 0) as attempts_made,
      coalesce(s.retry_limit, 3) as attempts_allowed,
      coalesce(current.to_state, 'pending') as state,
      current.created_at as state_since,
      -- cast lazily below: the pattern must have matched first
      case
        when current.to_state = 'error'
          and current.metadata ->> 'backoff_until' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$'
        then current.metadata ->> 'backoff_until'
      end as backoff_until
    from public.tasker_workflow_steps s
    left join public.tasker_workflow_step_transitions current
      on current.workflow_step_id = s.workflow_step_id
      and current.most_recent
    where s.task_id = any (input_task_ids)
  ),
  parents as (
    select
      e.to_step_id,
      count(*)::integer as total,
      count(*) filter (where parent.to_state in ('complete', 'resolved_manually'))::integer as completed
    from step
    join public.tasker_workflow_step_edges e on e.to_step_id = step.workflow_step_id
    left join public.tasker_workflow_step_transitions parent
      on parent.workflow_step_id = e.from_step_id
      and parent.most_recent
    group by e.to_step_id
  ),
  timed as (
    select
      step.*,
      rtrim(step.backoff_until, 'Z')::timestamp as exact_retry_at,
      step.last_attempted_at + step.backoff_request_seconds * interval '1 second' as requested_retry_at,
      case
        -- the exponent is capped before the power is taken: 2^44 seconds would be no interval any more
        when step.state = 'error'
        then step.state_since + least(2 ^ least(coalesce(step.attempts, 1), 5), 30) * interval '1 second'
      end as exponential_retry_at
    from step
  )
  select
    s.workflow_step_id,
    s.task_id,
    s.named_step_id,
    n.name::text,
    s.state::text,
    coalesce(p.completed = p.total, true),
    s.attempts_made < s.attempts_allowed,
    s.state in ('pending', 'error')
      and not coalesce(s.processed, false)
      and not coalesce(s.in_process, false)
      and coalesce(p.completed = p.total, true)
      and s.attempts_made < s.attempts_allowed
      and (coalesce(s.retryable, true) or (s.state = 'pending' and s.attempts_made = 0))
      -- greatest ignores nulls: no back-off at all is ready at once
      and coalesce(coalesce(s.exact_retry_at, greatest(s.requested_retry_at, s.exponential_retry_at)) <= v_now, true),
    case when s.state = 'error' then s.state_since end,
    coalesce(s.exact_retry_at, s.requested_retry_at, s.exponential_retry_at),
    coalesce(p.total, 0),
    coalesce(p.completed, 0),
    s.attempts_made,
    s.attempts_allowed,
    s.backoff_request_seconds,
    s.last_attempted_at
  from timed s
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  left join parents p on p.to_step_id = s.workflow_step_id;
end
$$;
