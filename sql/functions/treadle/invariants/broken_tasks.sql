-- Violations in tasks: see check_invariants. A context that Rails can validate, bypass_steps that are a list, and a task that is
-- complete only with all of its steps.
create or replace function treadle.broken_tasks(p_task_ids bigint[])
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language sql
stable
as $$
  with tasks as (
    select t.*, c.to_state as state, c.metadata ? 'event' as ours
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where p_task_ids is null or t.task_id = any (p_task_ids)
  )
  select 'context_object', 'task', t.task_id, t.task_id, 'context must be an object that is not empty'
  from tasks t
  where jsonb_typeof(t.context) is distinct from 'object' or t.context = '{}'
  union all
  select 'bypass_list', 'task', t.task_id, t.task_id, 'bypass_steps must be a list'
  from tasks t
  where json_typeof(t.bypass_steps) <> 'array'
  union all
  select 'task_complete', 'task', t.task_id, t.task_id, 'complete, but its column does not say so'
  from tasks t
  where t.state = 'complete' and t.ours and not t.complete
  union all
  select 'task_complete', 'task', t.task_id, t.task_id,
    'complete, but step ' || s.workflow_step_id || ' is ' || coalesce(c.to_state, 'pending')
  from tasks t
  join public.tasker_workflow_steps s on s.task_id = t.task_id
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
  where t.state = 'complete' and t.ours and coalesce(c.to_state, 'pending') not in ('complete', 'resolved_manually')
$$;
