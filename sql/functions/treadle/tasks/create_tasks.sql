-- Creates many tasks of one named task: tasks, steps, edges, bypassed steps and wake-ups, one statement each whatever their
-- number. Tasks of a named task that runs in Rails wait in the outbox for it; Treadle keeps no deadline for them. p_enqueued:
-- the caller puts the new tasks into the queue in this transaction. p_requests: [{identity_hash, context, initiator,
-- source_system, reason, tags, bypass_steps, requested_at, run_at, deadline_at, deadline_seconds}]. A request whose
-- identity_hash exists already creates nothing and returns the existing task with created = false. Raises TR005 (unknown
-- named_task_id), TR006 (a bypass of a step that the template does not have), TR007 (of one that is not skippable), TR008 (a
-- context that is no object, or empty).
create or replace function treadle.create_tasks(p_named_task_id integer, p_requests jsonb, p_enqueued boolean default false)
returns table (ordinal integer, task_id bigint, created boolean)
language plpgsql
set treadle.writing = 'on' -- what is made here is counted here
set plan_cache_mode = 'force_generic_plan'
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_created bigint[];
begin
  perform treadle.check_requests(p_named_task_id, p_requests);

  with inserted as (
    insert into public.tasker_tasks
      (named_task_id, requested_at, initiator, source_system, reason, bypass_steps, tags, context, identity_hash,
       created_at, updated_at)
    select p_named_task_id, coalesce(r.requested_at at time zone 'UTC', v_now at time zone 'UTC'),
      coalesce(r.initiator, 'unknown'), coalesce(r.source_system, 'unknown'), coalesce(r.reason, 'unknown'),
      coalesce(r.bypass_steps, '[]'), coalesce(r.tags, '[]'), r.context, r.identity_hash,
      v_now at time zone 'UTC', v_now at time zone 'UTC'
    from treadle.task_requests(p_requests) r
    order by r.ordinal
    on conflict (identity_hash) do nothing
    returning task_id
  )
  select array_agg(i.task_id order by i.task_id) into v_created from inserted i;

  if v_created is not null then
    insert into treadle.state_count_changes (kind, state, change) values ('task', 'total', cardinality(v_created));
    perform treadle.create_steps(p_named_task_id, v_created, v_now at time zone 'UTC');
  end if;
  if v_created is not null and not exists (
    select from treadle.own_named_tasks o where o.named_task_id = p_named_task_id
  ) then
    perform treadle.create_in_rails(p_requests, v_created);
  elsif v_created is not null then
    insert into treadle.wakeups (task_id, run_at, reason, handed_at)
    select t.task_id, coalesce(r.run_at, v_now), 'created', case when p_enqueued then v_now end
    from treadle.task_requests(p_requests) r
    join public.tasker_tasks t on t.identity_hash = r.identity_hash
    where t.task_id = any (v_created)
    on conflict (task_id) do nothing;
    perform treadle.set_deadlines(p_named_task_id, p_requests, v_created, v_now);
    if not p_enqueued then
      perform pg_notify('treadle', 'wakeups');
    end if;
  end if;

  return query
  select distinct on (r.ordinal) r.ordinal, t.task_id,
    t.task_id = any (coalesce(v_created, '{}'))
      and r.ordinal = min(r.ordinal) over (partition by r.identity_hash)
  from treadle.task_requests(p_requests) r
  join public.tasker_tasks t on t.identity_hash = r.identity_hash
  order by r.ordinal;
end
$$;
