-- A task as people ask about it: what it is a run of, where it stands and since when, and why when something is wrong.
-- `state_metadata` is that of the current transition; `wakes_at` is when something waits to wake it. No row: no task.
create or replace function treadle.task_report(p_task_id bigint)
returns table (
  task_id bigint,
  namespace_name text,
  name text,
  version text,
  state text,
  created_at timestamp,
  state_since timestamp,
  reported_at timestamp,
  initiator text,
  source_system text,
  reason text,
  tags jsonb,
  bypass_steps json,
  context jsonb,
  identity_hash text,
  state_metadata jsonb,
  wakes_at timestamptz,
  deadline_at timestamptz
)
language sql volatile
as $$
  select t.task_id, s.name, n.name, n.version, coalesce(c.to_state, 'pending'), t.created_at,
    coalesce(c.created_at, t.created_at), treadle.utc_now(), t.initiator, t.source_system, t.reason,
    t.tags, t.bypass_steps, t.context, t.identity_hash, coalesce(c.metadata, '{}'), w.run_at, d.deadline_at
  from public.tasker_tasks t
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  left join treadle.wakeups w on w.task_id = t.task_id
  left join treadle.deadlines d on d.task_id = t.task_id
  where t.task_id = p_task_id
$$;
