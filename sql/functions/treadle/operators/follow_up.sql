-- What follows from operations on steps: their tasks go on or end, failed ones are opened again when they can, and the
-- engines are told. Tasks of which nothing moved only get their derived rows back. Adds task_state to each result.
create or replace function treadle.follow_up(p_step_ids bigint[], p_results jsonb, p_moves jsonb, p_metadata jsonb)
returns table (results jsonb, reopened jsonb, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_task_ids bigint[] := array(
    select distinct s.task_id from public.tasker_workflow_steps s where s.workflow_step_id = any (p_step_ids)
  );
  v_moved bigint[] := array(select distinct (m ->> 'task_id')::bigint from jsonb_array_elements(p_moves) m);
  v_after jsonb;
begin
  perform treadle.refresh_tasks(array(select id from unnest(v_task_ids) id where id <> all (v_moved)));
  reopened := (select coalesce(jsonb_agg(id), '[]') from treadle.reopen_tasks(v_moved, p_metadata) as r (id));
  select c.ready_handlers, c.finalized, c.wakeups
  into ready_handlers, finalized, wakeups
  from treadle.continue_tasks(v_moved) c;
  perform treadle.notify_of_outcome(ready_handlers, finalized, wakeups);

  v_after := treadle.states_of_tasks(v_task_ids);
  results := (
    select coalesce(jsonb_agg(r || jsonb_build_object('task_state', v_after -> (r ->> 'task_id')) order by position), '[]')
    from jsonb_array_elements(p_results) with ordinality as given (r, position)
  );
  return next;
end
$$;
