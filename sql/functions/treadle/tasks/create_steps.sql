-- The steps and edges of new tasks of one named task, from the derived definitions, and the transitions of those that a
-- task bypasses. Two inserts, whatever the number of tasks and steps.
create or replace function treadle.create_steps(p_named_task_id integer, p_task_ids bigint[], p_at timestamp) returns void
language plpgsql
set treadle.writing = 'on' -- what is made here is counted here
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_bypassed bigint[];
  v_steps bigint;
begin
  insert into public.tasker_workflow_steps
    (task_id, named_step_id, retryable, retry_limit, skippable, attempts, inputs, results, created_at, updated_at)
  select new.task_id, d.named_step_id, d.default_retryable, d.default_retry_limit, d.skippable, 0, t.context, '{}',
    p_at, p_at
  from unnest(p_task_ids) as new (task_id)
  cross join lateral (
    select t.context from public.tasker_tasks t where t.task_id = new.task_id offset 0
  ) t
  cross join (
    select d.ordinal, d.named_step_id, n.default_retryable, n.default_retry_limit, n.skippable
    from treadle.step_definitions d
    join public.tasker_named_tasks_named_steps n
      on n.named_task_id = d.named_task_id and n.named_step_id = d.named_step_id
    where d.named_task_id = p_named_task_id and d.in_template
    offset 0
  ) d
  order by new.task_id, d.ordinal;
  get diagnostics v_steps = row_count;
  insert into treadle.state_count_changes (kind, state, change) values ('step', 'total', v_steps);

  perform treadle.create_edges(p_named_task_id, p_task_ids, p_at);

  select array_agg(s.workflow_step_id order by s.workflow_step_id)
  into v_bypassed
  from unnest(p_task_ids) as new (task_id)
  cross join lateral (
    select b.name
    from public.tasker_tasks t
    cross join lateral json_array_elements_text(t.bypass_steps) as b (name)
    where t.task_id = new.task_id
    offset 0
  ) b
  cross join lateral (
    select d.named_step_id
    from treadle.step_definitions d
    where d.named_task_id = p_named_task_id and d.in_template and d.step_name = b.name
    offset 0
  ) d
  cross join lateral (
    select s.workflow_step_id
    from public.tasker_workflow_steps s
    where s.task_id = new.task_id and s.named_step_id = d.named_step_id
    offset 0
  ) s;
  if v_bypassed is not null then
    perform treadle.resolve_bypassed(v_bypassed, p_at);
  end if;
end
$$;
