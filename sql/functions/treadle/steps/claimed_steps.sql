-- Everything a handler needs to run these claimed steps: the step, its task, its configuration, the results of its parents
-- (null, unless they are asked for).
create or replace function treadle.claimed_steps(p_step_ids bigint[], p_with_results boolean default true)
returns setof treadle.claimed_step
language sql stable
as $$
  select s.workflow_step_id, s.task_id, t.named_task_id, d.step_name, d.handler,
    coalesce(s.attempts, 0) + 1, coalesce(s.retry_limit, 3), s.retryable,
    coalesce(s.inputs, t.context), s.results, d.handler_config, d.timeout_ms, d.backoff,
    case when p_with_results then coalesce(p.results, '{}') end,
    jsonb_build_object(
      'task_id', t.task_id, 'named_task_id', t.named_task_id, 'namespace_name', n.name, 'name', nt.name,
      'version', nt.version, 'context', t.context, 'initiator', t.initiator, 'source_system', t.source_system,
      'reason', t.reason, 'tags', t.tags, 'requested_at', to_char(t.requested_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ),
    c.claim_id,
    concat_ws('.', c.workflow_step_id, c.claim_id, c.worker_id, c.epoch)
  from unnest(p_step_ids) as wanted (id)
  join treadle.claims c on c.workflow_step_id = wanted.id
  join public.tasker_workflow_steps s on s.workflow_step_id = wanted.id
  join public.tasker_tasks t on t.task_id = s.task_id
  join public.tasker_named_tasks nt on nt.named_task_id = t.named_task_id
  join public.tasker_task_namespaces n on n.task_namespace_id = nt.task_namespace_id
  cross join lateral treadle.step_definition(t.named_task_id, s.named_step_id) d
  left join lateral (
    select jsonb_object_agg(ns.name, ps.results) as results
    from public.tasker_workflow_step_edges e
    join public.tasker_workflow_steps ps on ps.workflow_step_id = e.from_step_id
    join public.tasker_named_steps ns on ns.named_step_id = ps.named_step_id
    where e.to_step_id = s.workflow_step_id and p_with_results
  ) p on true
$$;
