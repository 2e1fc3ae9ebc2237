-- The steps and edges of new tasks of one named task, from the derived definitions, and the transitions of those that a
-- task bypasses. Two inserts, whatever the number of tasks and steps.
create or replace function treadle.create_steps(p_named_task_id integer, p_task_ids bigint[], p_at timestamp) returns void
language plpgsql
as $$
declare
  v_bypassed bigint[];
begin
  insert into public.tasker_workflow_steps
    (task_id, named_step_id, retryable, retry_limit, skippable, attempts, inputs, results, created_at, updated_at)
  select t.task_id, d.named_step_id, n.default_retryable, n.default_retry_limit, n.skippable, 0, t.context, '{}',
    p_at, p_at
  from public.tasker_tasks t
  join treadle.step_definitions d on d.named_task_id = p_named_task_id and d.in_template
  join public.tasker_named_tasks_named_steps n
    on n.named_task_id = d.named_task_id and n.named_step_id = d.named_step_id
  where t.task_id = any (p_task_ids)
  order by t.task_id, d.ordinal;

  perform treadle.create_edges(p_named_task_id, p_task_ids, p_at);

  select array_agg(s.workflow_step_id order by s.workflow_step_id)
  into v_bypassed
  from public.tasker_tasks t
  cross join lateral json_array_elements_text(t.bypass_steps) as b (name)
  join treadle.step_definitions d
    on d.named_task_id = p_named_task_id and d.in_template and d.step_name = b.name
  join public.tasker_workflow_steps s on s.task_id = t.task_id and s.named_step_id = d.named_step_id
  where t.task_id = any (p_task_ids);
  if v_bypassed is not null then
    perform treadle.resolve_bypassed(v_bypassed, p_at);
  end if;
end
$$;
