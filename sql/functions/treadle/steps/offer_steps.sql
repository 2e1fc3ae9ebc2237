-- These steps may be able to run now. Those that can, and whose task is in progress, are handed over to the worker that asks
-- (p_worker, p_handlers, up to p_capacity), or else offered in ready_steps. Nothing is handed over that would overtake
-- what waits there for the same handler, that is paused, or that a limit concerns. Returns the distinct handlers of what was offered, the tasks
-- of which anything can run, and what was handed over. p_parents_done: see step_verdicts; p_late_start: see begin_claims; p_crews,
-- p_slots: see claim_steps. Callers hold the locks of the tasks, and for
-- a worker the proof that it lives.
create or replace function treadle.offer_steps(
  p_step_ids bigint[],
  p_parents_done boolean default false,
  p_worker_id bigint default null,
  p_epoch integer default null,
  p_handlers text[] default '{}',
  p_capacity integer default 0,
  p_late_start boolean default false,
  p_crews integer[] default null,
  p_slots integer[] default null,
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
  v_crews integer[] := coalesce(p_crews, array_fill(1, array[cardinality(p_handlers)]));
  v_slots integer[] := coalesce(p_slots, array[p_capacity]);
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
  served as materialized (
    select h.handler, h.crew, r.priority, r.workflow_step_id
    from unnest(p_handlers, v_crews) as h (handler, crew)
    left join lateral (
      select r.priority, r.workflow_step_id
      from treadle.ready_steps r
      where r.handler = h.handler and not r.held and r.lane_id is null
      order by r.priority desc, r.workflow_step_id
      limit 1
    ) r on true
    -- what a limit concerns is counted when it is claimed
    where p_capacity > 0
      and (
        not exists (select from treadle.limited_handlers) -- asked once
        or not exists (select from treadle.limited_handlers l where l.handler = h.handler offset 0)
      )
  ),
  handed as materialized (
    select r.workflow_step_id, r.task_id
    from (
      select r.workflow_step_id, r.task_id, s.crew,
        row_number() over (partition by s.crew order by r.priority desc, r.workflow_step_id) as place
      from ready r
      join served s on s.handler = r.handler
      where not v_paused
        and r.state = 'pending'
        and (
          s.workflow_step_id is null
          or r.priority > s.priority
          or r.priority = s.priority and r.workflow_step_id < s.workflow_step_id
        )
    ) r
    where r.place <= v_slots[r.crew]
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
