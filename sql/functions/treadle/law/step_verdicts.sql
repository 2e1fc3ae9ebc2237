-- The engine's one rule of what a step can do now, for any set of steps. It is the Rails readiness rule with the mended
-- defects (a step that may not be retried still gets its first attempt; our own backoff_until is exact), and a test holds
-- both to the same vectors. Verdicts: done, running, cancelled, failed (no attempt left), stuck (flags or limits of a
-- foreign writer forbid it for good), blocked (a parent is open), waiting (until ready_at), ready. A claim whose start is
-- not on record yet runs too. p_parents_done: the caller knows that no parent is open (total_parents is 0 then).
create or replace function treadle.step_verdicts(p_step_ids bigint[], p_at timestamp, p_parents_done boolean default false)
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
language plpgsql stable
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
as $$
begin
  return query
  with parents as materialized (
    select distinct e.to_step_id, e.from_step_id
    from public.tasker_workflow_step_edges e
    where not p_parents_done and e.to_step_id = any (p_step_ids)
  ),
  gates as (
    select p.to_step_id, count(*)::integer as total, (count(*) - count(d.workflow_step_id))::integer as open
    from parents p
    left join public.tasker_workflow_step_transitions d
      on d.workflow_step_id = p.from_step_id
      and d.workflow_step_id = any (array(select p.from_step_id from parents p))
      and d.most_recent
      and d.to_state in ('complete', 'resolved_manually')
    group by p.to_step_id
  ),
  facts as (
    select s.workflow_step_id, s.task_id, s.named_step_id,
      coalesce(c.to_state, 'pending')::text as state,
      k.workflow_step_id is not null as claimed,
      s.retryable,
      coalesce(s.attempts, 0) as attempts,
      case when s.retryable then coalesce(s.retry_limit, 3) else least(coalesce(s.retry_limit, 3), 1) end as allowance,
      coalesce(s.processed, false) or coalesce(s.in_process, false) as flagged,
      coalesce(g.total, 0) as total_parents,
      coalesce(g.open, 0) as open_parents,
      treadle.step_ready_at(
        c.to_state, c.created_at, c.metadata, s.attempts, s.last_attempted_at, s.backoff_request_seconds
      ) as ready_at
    from public.tasker_workflow_steps s
    left join public.tasker_workflow_step_transitions c
      on c.workflow_step_id = s.workflow_step_id and c.workflow_step_id = any (p_step_ids) and c.most_recent
    left join treadle.claims k
      on k.workflow_step_id = s.workflow_step_id and k.workflow_step_id = any (p_step_ids) and not k.on_record
    left join gates g on g.to_step_id = s.workflow_step_id
    where s.workflow_step_id = any (p_step_ids)
  )
  select f.workflow_step_id, f.task_id, f.named_step_id, f.state, f.total_parents, f.open_parents, f.ready_at,
    case
      when f.state in ('complete', 'resolved_manually') then 'done'
      when f.state = 'in_progress' or f.state = 'pending' and f.claimed then 'running'
      when f.state = 'cancelled' then 'cancelled'
      when f.state = 'error' and (f.attempts >= f.allowance or not f.retryable) then 'failed'
      when f.attempts >= f.allowance or f.flagged then 'stuck'
      when f.open_parents > 0 then 'blocked'
      when f.ready_at > p_at then 'waiting'
      else 'ready'
    end
  from facts f;
end
$$;
