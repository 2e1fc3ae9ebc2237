-- Tasks as clients in other languages get them, in the order of their ids: JSON and instants as text, so that nothing is
-- lost on the way. `stamp` is the id of the current transition, 0 before the first: it only ever rises.
create or replace function treadle.task_details(p_task_ids bigint[])
returns table (
  task_id bigint,
  namespace_name text,
  name text,
  version text,
  state text,
  state_since text,
  created_at text,
  context_json text,
  initiator text,
  source_system text,
  reason text,
  tags_json text,
  deadline_at text,
  stamp bigint
)
language sql stable
as $$
  select t.task_id, s.name, n.name, n.version, coalesce(c.to_state, 'pending'),
    to_char(coalesce(c.created_at, t.created_at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    to_char(t.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    t.context::text, t.initiator, t.source_system, t.reason, t.tags::text,
    to_char(d.deadline_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    coalesce(c.id, 0)
  from public.tasker_tasks t
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  left join treadle.deadlines d on d.task_id = t.task_id
  where t.task_id = any (p_task_ids)
  order by t.task_id
$$;
