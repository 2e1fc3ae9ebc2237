-- Retries all failed steps of these tasks with a fresh allowance of attempts, at once, and opens failed tasks again of which
-- something can run. `results` has one entry per id: done, or refused with why. Raises TR007 when p_by is missing.
create or replace function treadle.retry_tasks(p_task_ids bigint[], p_by text, p_reason text default null)
returns table (results jsonb, steps jsonb, reopened jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_metadata jsonb := treadle.operator_metadata(p_by, p_reason);
  v_expected text[] := array['pending', 'in_progress', 'error'];
  v_before jsonb;
  v_retried jsonb;
  v_after jsonb;
  v_step_ids bigint[];
  v_touched bigint[];
begin
  perform treadle.lock_tasks(p_task_ids);
  v_before := treadle.states_of_tasks(p_task_ids, v_expected);
  v_step_ids := array(
    select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (treadle.ids_of(v_before))
  );
  perform treadle.withdraw_steps(v_step_ids);
  select treadle.named_moves(array_agg(r.workflow_step_id), array_agg(r.from_state), 'pending'),
    treadle.count_each(array_agg(r.task_id))
  into steps, v_retried
  from treadle.retry_failed_steps(v_step_ids, v_metadata) r;
  reopened := (
    select coalesce(jsonb_agg(id), '[]') from treadle.reopen_tasks(treadle.ids_of(v_before), v_metadata) as r (id)
  );

  v_touched := array(
    select k::bigint from jsonb_object_keys(v_retried) k
    union
    select r::bigint from jsonb_array_elements(reopened) r
  );
  perform treadle.refresh_tasks(array(select id from unnest(treadle.ids_of(v_before)) id where id <> all (v_touched)));
  select c.ready_handlers, c.finalized, c.wakeups
  into ready_handlers, finalized, wakeups
  from treadle.continue_tasks(v_touched) c;
  perform treadle.notify_of_outcome(ready_handlers, finalized, wakeups);

  v_after := treadle.states_of_tasks(p_task_ids);
  results := (
    select coalesce(jsonb_agg(
      jsonb_build_object('task_id', id, 'done', id = any (v_touched), 'task_state', v_after -> id::text) || case
        when id = any (v_touched) then jsonb_build_object(
          'from_state', v_before -> id::text,
          'retried_steps', coalesce(v_retried -> id::text, '0')
        )
        when v_before ? id::text then jsonb_build_object(
          'code', 'unlawful_transition', 'why', format('task %s is %s, and has no step to retry', id, v_before ->> id::text)
        )
        else treadle.task_refusal(id, v_expected)
      end
      order by position
    ), '[]')
    from unnest(p_task_ids) with ordinality as wanted (id, position)
  );
  return next;
end
$$;
