-- Decides about tasks in progress of which nothing is ready or running: all steps done -> complete; something waits for
-- its time -> pending, with a wake-up for the earliest; nothing can ever run again -> error. A task that is still busy is
-- left alone: the outcome that ends the last of its steps comes back here, under the same lock. Returns what it decided:
-- [{task_id, event, to_state}]. Callers hold the locks of the tasks.
create or replace function treadle.finalize_tasks(p_task_ids bigint[]) returns jsonb
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_now timestamptz;
  v_quiet bigint[];
  v_ids bigint[];
  v_events text[];
  v_metadata jsonb[];
  v_run_at timestamp[];
  v_unmoved bigint[];
begin
  select array_agg(t.task_id order by t.task_id)
  into v_quiet
  from public.tasker_task_transitions t
  where t.task_id = any (p_task_ids)
    and t.most_recent
    and t.to_state = 'in_progress'
    -- offset 0: looked up for each task; as a join it could be planned for tables that were empty then
    and not exists (select from treadle.ready_steps r where r.task_id = t.task_id offset 0)
    and not exists (select from treadle.claims c where c.task_id = t.task_id offset 0);
  if v_quiet is null then
    return '[]';
  end if;

  v_now := treadle.now();
  select array_agg(d.task_id order by d.task_id), array_agg(d.event order by d.task_id),
    array_agg(d.metadata order by d.task_id), array_agg(d.run_at order by d.task_id)
  into v_ids, v_events, v_metadata, v_run_at
  from treadle.task_decisions(v_quiet, v_now at time zone 'UTC') d
  where d.event is not null;
  if v_ids is null then
    return '[]';
  end if;

  v_unmoved := array(
    select unnest(v_ids)
    except
    select treadle.transition_tasks(v_ids, v_events, v_metadata, v_now at time zone 'UTC')
  );
  if cardinality(v_unmoved) > 0 then -- another hand wrote to them in the same instant: its change is looked at next
    select array_agg(d.id), array_agg(d.event), array_agg(d.run_at)
    into v_ids, v_events, v_run_at
    from unnest(v_ids, v_events, v_run_at) as d (id, event, run_at)
    where d.id <> all (v_unmoved);
  end if;

  update public.tasker_tasks
  set complete = true, updated_at = v_now at time zone 'UTC'
  where task_id = any (array(
    select d.id from unnest(v_ids, v_events) as d (id, event) where d.event = 'complete'
  ));
  insert into treadle.wakeups (task_id, run_at, reason)
  select d.id, d.run_at at time zone 'UTC', 'retry_due'
  from unnest(v_ids, v_events, v_run_at) as d (id, event, run_at)
  where d.event = 'wait'
  on conflict (task_id) do update
    set run_at = excluded.run_at, reason = excluded.reason, handed_at = null;
  delete from treadle.gates where task_id = any (v_ids);
  delete from treadle.deadlines
  where task_id = any (array(
    select d.id from unnest(v_ids, v_events) as d (id, event) where d.event <> 'wait'
  ));
  return (
    select coalesce(
      jsonb_agg(jsonb_build_object(
        'task_id', d.id, 'event', d.event, 'to_state', treadle.task_next_state('in_progress', d.event)
      )),
      '[]'
    )
    from unnest(v_ids, v_events) as d (id, event)
  );
end
$$;
