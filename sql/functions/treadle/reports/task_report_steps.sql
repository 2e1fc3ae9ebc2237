-- The steps of one task in the order in which they were created, each with its verdict, its parents, who runs it and
-- when its last attempt began and ended. Made for tasks of ten thousand steps: every table is read once.
create or replace function treadle.task_report_steps(p_task_id bigint)
returns table (
  workflow_step_id bigint,
  name text,
  handler text,
  state text,
  verdict text,
  attempts integer,
  retry_limit integer,
  parent_ids bigint[],
  started_at timestamp,
  ended_at timestamp,
  ready_at timestamp,
  worker text,
  resolved_by text,
  results jsonb
)
language plpgsql volatile
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_step_ids bigint[] := array(
    select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = p_task_id
  );
begin
  return query
  with edges as (
    select e.to_step_id, array_agg(distinct e.from_step_id) as parent_ids
    from public.tasker_workflow_step_edges e
    where e.to_step_id = any (v_step_ids)
    group by e.to_step_id
  ),
  starts as (
    select c.workflow_step_id, max(c.created_at) as started_at
    from public.tasker_workflow_step_transitions c
    where c.workflow_step_id = any (v_step_ids) and c.to_state = 'in_progress'
    group by c.workflow_step_id
  ),
  currents as (
    select c.workflow_step_id, c.created_at, c.metadata
    from public.tasker_workflow_step_transitions c
    where c.workflow_step_id = any (v_step_ids) and c.most_recent
  )
  select v.workflow_step_id, n.name::text, d.handler, v.state, v.verdict, coalesce(s.attempts, 0),
    coalesce(s.retry_limit, 3), coalesce(e.parent_ids, '{}'),
    greatest(b.started_at, k.claimed_at at time zone 'UTC'), -- the in_progress row of a claim may follow later
    case when v.state not in ('pending', 'in_progress') then c.created_at end,
    v.ready_at, coalesce(w.name, k.worker_id::text), c.metadata ->> 'resolved_by', s.results
  from treadle.step_verdicts(v_step_ids, v_now) v
  join public.tasker_workflow_steps s on s.workflow_step_id = v.workflow_step_id
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  join public.tasker_tasks t on t.task_id = s.task_id
  left join edges e on e.to_step_id = v.workflow_step_id
  left join starts b on b.workflow_step_id = v.workflow_step_id
  left join currents c on c.workflow_step_id = v.workflow_step_id
  left join treadle.step_definitions d
    on d.named_task_id = t.named_task_id and d.named_step_id = s.named_step_id
  left join treadle.claims k on k.workflow_step_id = v.workflow_step_id
  left join treadle.workers w on w.worker_id = k.worker_id
  order by v.workflow_step_id;
end
$$;
