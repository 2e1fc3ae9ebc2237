-- What expire_tasks does to tasks that it has locked. Takes the ready steps away first: a claim that runs at the same time
-- has either taken its row before, and its claim is seen here, or finds none.
create or replace function treadle.end_overdue_tasks(p_task_ids bigint[], p_now timestamptz) returns jsonb
language plpgsql
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_overdue bigint[];
  v_states text[];
  v_deadlines text[];
  v_moved bigint[];
begin
  with overdue as (
    delete from treadle.deadlines d
    where d.task_id = any (p_task_ids) and d.deadline_at <= p_now
    returning d.task_id, d.deadline_at
  )
  select array_agg(o.task_id order by o.task_id), array_agg(coalesce(c.to_state, 'pending') order by o.task_id),
    array_agg(to_char(o.deadline_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') order by o.task_id)
  into v_overdue, v_states, v_deadlines
  from overdue o
  left join public.tasker_task_transitions c on c.task_id = o.task_id and c.most_recent
  where coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
    and (
      o.task_id = any (array(select treadle.own_tasks(p_task_ids)))
      or exists (select from treadle.claims k where k.task_id = o.task_id) -- it leaves, and has not gone yet
    );
  if v_overdue is null then
    return '[]';
  end if;

  delete from treadle.ready_steps where task_id = any (v_overdue);
  delete from treadle.gates where task_id = any (v_overdue);
  delete from treadle.wakeups where task_id = any (v_overdue);
  v_moved := array(
    select treadle.transition_tasks(
      v_overdue,
      array_fill('fail'::text, array[cardinality(v_overdue)]),
      array(
        select jsonb_build_object(
          'reason', 'deadline_exceeded', 'deadline_at', deadline, 'triggered_by', 'deadline',
          'error_message', 'the deadline of the task passed'
        )
        from unnest(v_deadlines) deadline
      ),
      p_now at time zone 'UTC'
    )
  );
  perform treadle.time_out_claims(v_moved);
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'task_id', o.task_id, 'event', 'fail', 'from_state', o.state, 'to_state', 'error'
    )), '[]')
    from unnest(v_overdue, v_states) as o (task_id, state)
    where o.task_id = any (v_moved)
  );
end
$$;
