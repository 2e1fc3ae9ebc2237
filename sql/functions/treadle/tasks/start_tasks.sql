-- The queue says that these tasks should run: pending -> in_progress, derived rows rebuilt, and the decision for those
-- that have nothing to run. A pending task that is woken before its time goes back to the queue, without an audit row.
-- Tasks in an end state, and those that run in Rails, are left alone, so a doubled or late message does no harm. Returns the
-- handlers that got work, the decisions, and how many wake-ups wait to be handed over. With a worker (and p_capacity) it goes on
-- as claim_steps does, in the same transaction: further rows bring the documents in `delivery`.
create or replace function treadle.start_tasks(
  p_task_ids bigint[],
  p_worker_id bigint default null,
  p_epoch integer default null,
  p_handlers text[] default '{}',
  p_capacity integer default 0,
  p_announce boolean default false,
  p_late_start boolean default false,
  p_crews integer[] default null,
  p_slots integer[] default null
) returns table (ready_handlers jsonb, finalized jsonb, wakeups integer, delivery json)
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_alive boolean := p_capacity > 0 and treadle.is_alive(p_worker_id, p_epoch); -- its lock comes before those of the tasks
  v_now timestamptz := treadle.now();
  v_mixed boolean := exists (select from treadle.fleet_choices);
  v_task_ids bigint[] := p_task_ids;
  v_pending bigint[];
  v_early bigint[];
  v_startable bigint[];
  v_waiting bigint[];
  v_deliveries json[];
begin
  perform treadle.plan_for(cardinality(p_task_ids));
  perform treadle.lock_tasks(p_task_ids);
  if v_mixed then -- asked under the locks: whoever moves tasks to Rails takes them too
    v_task_ids := array(select treadle.own_tasks(p_task_ids));
    if cardinality(v_task_ids) < cardinality(p_task_ids) then
      perform treadle.pass_on_tasks(p_task_ids);
    end if;
  end if;
  v_pending := array(
    select t.task_id
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where t.task_id = any (v_task_ids) and coalesce(c.to_state, 'pending') = 'pending'
    order by t.task_id
  );
  v_early := treadle.return_early_wakeups(v_pending, v_now);
  delete from treadle.wakeups where task_id = any (v_task_ids) and task_id <> all (v_early);

  v_startable := array(select id from unnest(v_pending) id where id <> all (v_early));
  perform treadle.transition_tasks(
    v_startable,
    array_fill('start'::text, array[cardinality(v_startable)]),
    array_fill('{"triggered_by": "treadle"}'::jsonb, array[cardinality(v_startable)]),
    v_now at time zone 'UTC'
  );

  if v_mixed then -- Rails may have been faster, in the moment of the choice: then it runs the task
    v_task_ids := array(select treadle.own_tasks(array(select unnest(v_task_ids) except select unnest(v_early))));
  end if;
  v_waiting := treadle.refresh_tasks(v_task_ids);
  finalized := treadle.finalize_tasks(v_task_ids);
  wakeups := treadle.wake_for_retries(v_waiting) + cardinality(v_early);
  if v_alive then
    v_deliveries := array(
      select treadle.claim_steps(
        p_worker_id, p_epoch, p_handlers, p_capacity, p_announce, p_late_start, p_crews, p_slots
      )
    );
  end if;
  ready_handlers := (
    select coalesce(jsonb_agg(distinct r.handler), '[]')
    from treadle.ready_steps r
    where r.task_id = any (v_task_ids) and not r.held
  );
  return next;
  foreach delivery in array coalesce(v_deliveries, '{}') loop
    return next;
  end loop;
end
$$;
