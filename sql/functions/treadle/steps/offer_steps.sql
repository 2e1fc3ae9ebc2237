-- These steps may be able to run now. Those that can, and whose task is in progress, are handed over to the worker that asks
-- (p_worker, p_handlers, up to p_capacity), or else offered in ready_steps. Nothing is handed over that would overtake
-- what waits there for the same handler, or that is paused. Returns the distinct handlers of what was offered, the tasks
-- of which anything can run, and what was handed over. p_parents_done: see step_verdicts; p_late_start: see begin_claims. Callers hold the locks of the tasks, and for
-- a worker the proof that it lives.
create or replace function treadle.offer_steps(
  p_step_ids bigint[],
  p_parents_done boolean default false,
  p_worker_id bigint default null,
  p_epoch integer default null,
  p_handlers text[] default '{}',
  p_capacity integer default 0,
  p_late_start boolean default false,
  out ready_handlers jsonb,
  out task_ids bigint[],
  out step_ids bigint[],
  out claim_ids bigint[]
)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz := treadle.now();
  v_paused boolean := treadle.heed_pauses();
  v_handed bigint[];
  v_tasks bigint[];
  v_given record;
begin
  with ready as materialized (
    select v.workflow_step_id, v.task_id, d.handler, coalesce(d.priority, 0) as priority, v.state
    from treadle.step_verdicts(p_step_ids, v_now at time zone 'UTC', p_parents_done) v
    cross join lateral (
      select t.named_task_id from public.tasker_tasks t where t.task_id = v.task_id offset 0
    ) t
    cross join lateral (
      select from public.tasker_task_transitions c
      where c.task_id = v.task_id and c.most_recent and c.to_state = 'in_progress'
      offset 0
    ) c
    left join lateral treadle.step_definition(t.named_task_id, v.named_step_id) d on true
    where v.verdict = 'ready'
  ),
  heads as materialized (
    select h.handler, r.priority, r.workflow_step_id
    from unnest(p_handlers) as h (handler)
    cross join lateral (
      select r.priority, r.workflow_step_id
      from treadle.ready_steps r
      where r.handler = h.handler and not r.held
      order by r.priority desc, r.workflow_step_id
      limit 1
    ) r
    where p_capacity > 0
  ),
  handed as materialized (
    select r.workflow_step_id, r.task_id
    from ready r
    left join heads h on h.handler = r.handler
    where not v_paused
      and r.state = 'pending'
      and r.handler = any (p_handlers)
      and (
        h.handler is null
        or r.priority > h.priority
        or r.priority = h.priority and r.workflow_step_id < h.workflow_step_id
      )
    order by r.priority desc, r.workflow_step_id
    limit p_capacity
  ),
  offered as (
    insert into treadle.ready_steps (workflow_step_id, task_id, handler, priority, held)
    select r.workflow_step_id, r.task_id, r.handler, r.priority,
      case when v_paused then treadle.is_paused(r.task_id, r.handler) else false end
    from ready r
    where r.workflow_step_id not in (select h.workflow_step_id from handed h)
    on conflict do nothing
    returning handler, held
  )
  select (select coalesce(jsonb_agg(distinct o.handler) filter (where not o.held), '[]') from offered o),
    (select array_agg(distinct r.task_id) from ready r),
    (select array_agg(h.workflow_step_id order by h.workflow_step_id) from handed h),
    (select array_agg(h.task_id order by h.workflow_step_id) from handed h)
  into ready_handlers, task_ids, v_handed, v_tasks;

  if v_handed is not null then
    select g.step_ids, g.claim_ids
    into step_ids, claim_ids
    from treadle.begin_claims(p_worker_id, p_epoch, v_handed, v_tasks, p_late_start, v_now) g;
  end if;
end
$$;
