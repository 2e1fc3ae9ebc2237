-- Decides about tasks in progress of which nothing is ready or running: all steps done -> complete; something waits for
-- its time -> pending, with a wake-up for the earliest; nothing can ever run again -> error. A task that is still busy is
-- left alone: the outcome that ends the last of its steps comes back here, under the same lock. Returns what it decided:
-- [{task_id, event, to_state}]. Callers hold the locks of the tasks.
create or replace function treadle.finalize_tasks(p_task_ids bigint[]) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_now timestamptz := treadle.now();
  v_quiet bigint[];
  v_decided jsonb;
begin
  select array_agg(t.task_id order by t.task_id)
  into v_quiet
  from public.tasker_task_transitions t
  where t.task_id = any (p_task_ids)
    and t.most_recent
    and t.to_state = 'in_progress'
    and not exists (select from treadle.ready_steps r where r.task_id = t.task_id)
    and not exists (select from treadle.claims c where c.task_id = t.task_id);
  if v_quiet is null then
    return '[]';
  end if;

  with decisions as materialized (
    select * from treadle.task_decisions(v_quiet, v_now at time zone 'UTC')
  ),
  moved as (
    select moved.task_id
    from (
      select array_agg(d.task_id order by d.task_id) as task_ids,
        array_agg(d.event order by d.task_id) as events,
        array_agg(d.metadata order by d.task_id) as metadata
      from decisions d
      where d.event is not null
    ) a
    cross join lateral treadle.transition_tasks(
      a.task_ids, a.events, a.metadata, v_now at time zone 'UTC'
    ) as moved (task_id)
  ),
  completed as (
    update public.tasker_tasks t
    set complete = true, updated_at = v_now at time zone 'UTC'
    from moved m
    join decisions d on d.task_id = m.task_id
    where t.task_id = m.task_id and d.event = 'complete'
  ),
  woken as (
    insert into treadle.wakeups (task_id, run_at, reason)
    select d.task_id, d.run_at at time zone 'UTC', 'retry_due'
    from moved m
    join decisions d on d.task_id = m.task_id
    where d.event = 'wait'
    on conflict (task_id) do update
      set run_at = excluded.run_at, reason = excluded.reason, handed_at = null
  ),
  forgotten as (
    delete from treadle.gates g using moved m where g.task_id = m.task_id
  ),
  undated as (
    delete from treadle.deadlines l
    using moved m
    join decisions d on d.task_id = m.task_id
    where l.task_id = m.task_id and d.event <> 'wait'
  )
  select coalesce(
    jsonb_agg(jsonb_build_object(
      'task_id', d.task_id, 'event', d.event, 'to_state', treadle.task_next_state('in_progress', d.event)
    )),
    '[]'
  )
  into v_decided
  from moved m
  join decisions d on d.task_id = m.task_id;
  return v_decided;
end
$$;
