-- Resolves failed tasks (error -> resolved_manually): they have ended for good, their steps stay as they are. `results` has
-- one entry per id, done or refused with why. Raises TR007 when p_by is missing.
create or replace function treadle.resolve_tasks(p_task_ids bigint[], p_by text, p_reason text default null)
returns table (results jsonb, steps jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_metadata jsonb := treadle.operator_metadata(p_by, p_reason) || jsonb_build_object('resolved_by', p_by);
  v_moved bigint[];
begin
  perform treadle.lock_tasks(p_task_ids);
  v_moved := array(
    select treadle.send_to_tasks(
      treadle.ids_of(treadle.states_of_tasks(p_task_ids, array['error'])), 'resolve', v_metadata, treadle.utc_now()
    )
  );
  perform treadle.forget_tasks(v_moved);

  results := (
    select coalesce(jsonb_agg(
      jsonb_build_object('task_id', id, 'done', id = any (v_moved)) || case
        when id = any (v_moved) then '{"from_state": "error", "to_state": "resolved_manually"}'
        else treadle.task_refusal(id, array['error'])
      end
      order by position
    ), '[]')
    from unnest(p_task_ids) with ordinality as wanted (id, position)
  );
  steps := '[]';
  ready_handlers := '[]';
  finalized := '[]';
  wakeups := 0;
  return next;
end
$$;
