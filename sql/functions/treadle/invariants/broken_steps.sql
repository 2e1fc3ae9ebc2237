-- Violations in steps: see check_invariants. Columns that say what the state says, attempts that are counted, no step that is marked
-- as running while nobody runs it, one step of a name in each task, and a row of the template behind it.
create or replace function treadle.broken_steps(p_task_ids bigint[])
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language sql
stable
as $$
  with steps as (
    select s.*, t.named_task_id, c.to_state as state, c.metadata ? 'event' as ours, c.metadata ->> 'code' as code
    from public.tasker_workflow_steps s
    join public.tasker_tasks t on t.task_id = s.task_id
    left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
    where p_task_ids is null or s.task_id = any (p_task_ids)
  )
  select 'complete_columns', 'step', s.workflow_step_id, s.task_id, 'complete, but its columns do not say so'
  from steps s
  where s.state = 'complete' and s.ours
    and not (
      s.processed and not s.in_process and s.processed_at is not null and s.attempts >= 1
      and s.last_attempted_at is not null and s.results is not null
    )
  union all
  select 'error_columns', 'step', s.workflow_step_id, s.task_id, 'failed, but its columns do not say so'
  from steps s
  where s.state = 'error' and s.ours
    and not (
      not s.processed and not s.in_process and s.last_attempted_at is not null
      and s.attempts >= case s.code when 'released' then 0 else 1 end -- given back without an attempt
      and s.results ?& array['error', 'error_class', 'backtrace']
    )
  union all
  select 'attempts_counted', 'step', s.workflow_step_id, s.task_id, 'attempts must be a number from 0 on'
  from steps s
  where s.attempts is null or s.attempts < 0
  union all
  select 'in_process_cleared', 'step', s.workflow_step_id, s.task_id,
    'marked in_process, but it is ' || coalesce(s.state, 'pending')
  from steps s
  where s.in_process
    and s.state is distinct from 'in_progress'
    and not exists (select from treadle.claims k where k.workflow_step_id = s.workflow_step_id)
  union all
  select 'step_names', 'step', max(s.workflow_step_id), s.task_id, count(*) || ' steps have the name ' || n.name
  from steps s
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  group by s.task_id, n.name
  having count(*) > 1
  union all
  select 'template_rows', 'step', s.workflow_step_id, s.task_id, 'its named task has no such named step'
  from steps s
  where not exists (
    select from public.tasker_named_tasks_named_steps l
    where l.named_task_id = s.named_task_id and l.named_step_id = s.named_step_id
  )
$$;
