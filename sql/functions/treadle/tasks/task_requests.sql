-- The requests of create_tasks as rows, in their order.
create or replace function treadle.task_requests(p_requests jsonb)
returns table (
  ordinal integer,
  identity_hash text,
  context jsonb,
  initiator text,
  source_system text,
  reason text,
  tags jsonb,
  bypass_steps json,
  requested_at timestamptz,
  run_at timestamptz,
  deadline_at timestamptz,
  deadline_seconds double precision
)
language sql stable
as $$
  select e.ordinal::integer, r.identity_hash, r.context, r.initiator, r.source_system, r.reason, r.tags,
    r.bypass_steps, r.requested_at, r.run_at, r.deadline_at, r.deadline_seconds
  from jsonb_array_elements(p_requests) with ordinality as e (request, ordinal)
  cross join lateral jsonb_to_record(e.request) as r (
    identity_hash text, context jsonb, initiator text, source_system text, reason text, tags jsonb,
    bypass_steps json, requested_at timestamptz, run_at timestamptz, deadline_at timestamptz,
    deadline_seconds double precision
  )
$$;
