-- Tasks of which steps wait for each other in a circle, with those steps. Steps are made parents first, so that only a task with an edge
-- from a later to an earlier step is looked at: from its edges goes what nothing leads to and what leads nowhere, again and again.
create or replace function treadle.circles(p_task_ids bigint[]) returns table (task_id bigint, step_ids bigint[])
language plpgsql
stable
as $$
#variable_conflict use_column
declare
  v_from bigint[];
  v_to bigint[];
  v_before integer;
begin
  select array_agg(e.from_step_id), array_agg(e.to_step_id)
  into v_from, v_to
  from public.tasker_workflow_step_edges e
  join public.tasker_workflow_steps s on s.workflow_step_id = e.from_step_id
  where s.task_id in (
    select b.task_id
    from public.tasker_workflow_step_edges back
    join public.tasker_workflow_steps b on b.workflow_step_id = back.from_step_id
    where back.from_step_id >= back.to_step_id and (p_task_ids is null or b.task_id = any (p_task_ids))
  );
  loop
    v_before := coalesce(cardinality(v_from), 0);
    exit when v_before = 0;
    select array_agg(e.source), array_agg(e.target)
    into v_from, v_to
    from unnest(v_from, v_to) as e (source, target)
    where e.source in (select unnest(v_to)) and e.target in (select unnest(v_from));
    exit when coalesce(cardinality(v_from), 0) = v_before;
  end loop;

  return query
  select s.task_id, array_agg(s.workflow_step_id order by s.workflow_step_id)
  from public.tasker_workflow_steps s
  where s.workflow_step_id in (select unnest(v_from))
  group by s.task_id;
end
$$;
