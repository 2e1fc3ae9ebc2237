-- Everything that the handlers of these claimed steps need, as one document in which nothing is said twice: a task, a
-- definition, and the results of a parent stand in it once, however many of the steps refer to them. Null when it would
-- have more than p_limit bytes, and p_with_results. The worker has the results of p_known_ids: they are not sent back to it.
--   steps: [claim_id, workflow_step_id, task_id, named_step_id, attempt, retry_limit, retryable, [inputs] or null (the
--     context of the task), [results] or null ({}), ids of the parents or null (none)]
--   tasks: [task_id, named_task_id, context, initiator, source_system, reason, tags, requested_at, row_version]
--   definitions: [named_task_id, named_step_id, namespace_name, name, version, step_name, handler, handler_config,
--     timeout_ms, backoff]
--   parents: [workflow_step_id, step_name, results]
--   too_large: the results of the parents are left out
create or replace function treadle.delivery(
  p_step_ids bigint[],
  p_claim_ids bigint[],
  p_limit bigint,
  p_known_ids bigint[] default '{}',
  p_known_tasks jsonb default '{}',
  p_with_results boolean default true
) returns json
language plpgsql stable
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_document json;
begin
  with claimed as materialized (
    select given.claim_id, s.*, t.named_task_id, t.context, t.task, e.parents
    from unnest(p_step_ids, p_claim_ids) as given (step_id, claim_id)
    cross join lateral (
      select s.workflow_step_id, s.task_id, s.named_step_id, s.attempts, s.retry_limit, s.retryable, s.inputs, s.results
      from public.tasker_workflow_steps s
      where s.workflow_step_id = given.step_id
      offset 0
    ) s
    cross join lateral (
      select t.named_task_id, t.context,
        case when p_known_tasks ->> t.task_id::text is distinct from t.xmin::text then json_build_array(
          t.task_id, t.named_task_id, t.context, t.initiator, t.source_system, t.reason, t.tags,
          to_char(t.requested_at, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), t.xmin::text
        ) end as task
      from public.tasker_tasks t
      where t.task_id = s.task_id
      offset 0
    ) t
    cross join lateral (
      select array_agg(distinct e.from_step_id) as parents
      from public.tasker_workflow_step_edges e
      where p_with_results and e.to_step_id = given.step_id
    ) e
  ),
  parents as materialized (
    select s.*,
      -- what is small enough to be stored as it is need not be measured; compressed it may be a hundred times as large
      case
        when pg_column_size(s.results) < 2000 and pg_column_compression(s.results) is null then 2000
        else octet_length(s.results::text)
      end::bigint as bytes
    from (
      select unnest(c.parents) as from_step_id from claimed c
      except
      select unnest(p_known_ids)
    ) e
    cross join lateral (
      select s.workflow_step_id, n.name, s.results
      from public.tasker_workflow_steps s
      join public.tasker_named_steps n on n.named_step_id = s.named_step_id
      where s.workflow_step_id = e.from_step_id
      offset 0
    ) s
  ),
  steps as materialized (
    select c.claim_id,
      json_build_array(
        c.claim_id, c.workflow_step_id, c.task_id, c.named_step_id, coalesce(c.attempts, 0) + 1, coalesce(c.retry_limit, 3),
        c.retryable,
        case when c.inputs is not null and c.inputs is distinct from c.context then json_build_array(c.inputs) end,
        case when c.results is distinct from '{}' then json_build_array(c.results) end,
        to_json(c.parents)
      ) as step
    from claimed c
  ),
  tasks as materialized (
    select distinct on (c.task_id) c.task from claimed c where c.task is not null order by c.task_id
  ),
  size as (
    select (select coalesce(sum(p.bytes), 0) from parents p)
      + (select sum(octet_length(s.step::text)) from steps s)
      + (select coalesce(sum(octet_length(t.task::text)), 0) from tasks t) as bytes
  )
  select case when not p_with_results or (select z.bytes <= p_limit from size z) then json_build_object(
    'steps', (select json_agg(s.step order by s.claim_id) from steps s),
    'tasks', (select json_agg(t.task) from tasks t),
    'definitions', (
      select json_agg(json_build_array(
        u.named_task_id, u.named_step_id, n.name, t.name, t.version, d.step_name, d.handler, d.handler_config, d.timeout_ms,
        d.backoff
      ))
      from (select distinct c.named_task_id, c.named_step_id from claimed c) u
      join public.tasker_named_tasks t on t.named_task_id = u.named_task_id
      join public.tasker_task_namespaces n on n.task_namespace_id = t.task_namespace_id
      cross join lateral treadle.step_definition(u.named_task_id, u.named_step_id) d
    ),
    'parents', (select json_agg(json_build_array(p.workflow_step_id, p.name, p.results)) from parents p),
    'too_large', not p_with_results
  ) end
  into v_document;
  return v_document;
end
$$;
