-- Cancels tasks that have not ended, and failed ones (error -> pending -> cancelled): their unfinished steps are cancelled,
-- running ones are told to stop, and nothing waits for them any more. Each task for itself: `results` has one entry per id,
-- done or refused with why. `steps` are the steps that moved. Raises TR007 when p_by is missing.
create or replace function treadle.cancel_tasks(p_task_ids bigint[], p_by text, p_reason text default null)
returns table (results jsonb, steps jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_now timestamp := treadle.utc_now();
  v_metadata jsonb := treadle.operator_metadata(p_by, p_reason);
  v_before jsonb;
  v_moved bigint[];
  v_cancelled jsonb;
  v_running jsonb;
begin
  perform treadle.lock_tasks(p_task_ids);
  v_before := treadle.states_of_tasks(p_task_ids, array['pending', 'in_progress', 'error']);

  with cancelled as (
    select * from treadle.cancel_unfinished_steps(treadle.ids_of(v_before), v_metadata)
  )
  select treadle.named_moves(array_agg(c.workflow_step_id), array_agg(c.from_state), 'cancelled'),
    treadle.count_each(array_agg(c.task_id)), treadle.count_each(array_agg(c.task_id) filter (where c.was_claimed))
  into steps, v_cancelled, v_running
  from cancelled c;

  perform treadle.send_to_tasks(treadle.ids_of(v_before, 'error'), 'retry', v_metadata, v_now);
  v_moved := array(select treadle.send_to_tasks(treadle.ids_of(v_before), 'cancel', v_metadata, v_now));
  perform treadle.forget_tasks(v_moved);

  results := (
    select coalesce(jsonb_agg(
      jsonb_build_object('task_id', id, 'done', id = any (v_moved)) || case
        when id <> all (v_moved) then treadle.task_refusal(id, array['pending', 'in_progress', 'error'])
        else jsonb_build_object(
          'from_state', v_before -> id::text, 'to_state', 'cancelled',
          'cancelled_steps', coalesce(v_cancelled -> id::text, '0'), 'running_steps', coalesce(v_running -> id::text, '0')
        )
      end
      order by position
    ), '[]')
    from unnest(p_task_ids) with ordinality as wanted (id, position)
  );
  ready_handlers := '[]';
  finalized := '[]';
  wakeups := 0;
  return next;
end
$$;
