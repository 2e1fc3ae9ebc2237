-- What the Rails engine has left behind in unfinished tasks: one row for each thing and the task or step that has it. $1: seconds
-- after which whatever has not moved counts as left. Reads tables of Rails only, and agrees with treadle.step_verdicts.
with tasks as (
  select t.task_id, coalesce(c.to_state, 'pending') as state, coalesce(c.created_at, t.created_at) as since,
    c.task_id is null as is_new
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where t.complete = false
    and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
),
steps as (
  select s.workflow_step_id, s.task_id, coalesce(c.to_state, 'pending') as state, coalesce(c.created_at, s.created_at) as since,
    s.retryable, s.processed, coalesce(s.attempts, 0) as attempts,
    case when s.retryable then coalesce(s.retry_limit, 3) else least(coalesce(s.retry_limit, 3), 1) end as allowance,
    case
      when s.last_attempted_at is not null and s.backoff_request_seconds is not null
        then s.last_attempted_at + s.backoff_request_seconds * interval '1 second'
    end as ready_at
  from tasks t
  join public.tasker_workflow_steps s on s.task_id = t.task_id
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
),
progress as (
  select t.task_id, t.state, t.is_new, greatest(t.since, max(s.since)) as moved_at,
    coalesce(bool_or(s.state = 'in_progress'), false) as any_running,
    coalesce(bool_or(s.state = 'cancelled'), false) as any_cancelled
  from tasks t
  left join steps s on s.task_id = t.task_id
  group by t.task_id, t.state, t.is_new, t.since
),
old as (
  select (now() at time zone 'UTC') - $1::double precision * interval '1 second' as instant
),
found as (
  select 'stuck_running_steps' as name, 'step' as subject, s.workflow_step_id as subject_id
  from steps s, old
  where s.state = 'in_progress' and s.since < old.instant
  union all
  select case when p.is_new then 'never_started' when p.state = 'pending' then 'left_pending' else 'left_in_progress' end,
    'task', p.task_id
  from progress p, old
  where p.moved_at < old.instant and not p.any_running and not p.any_cancelled
  union all
  select 'cancelled_step', 'task', p.task_id from progress p where p.any_cancelled
  union all
  select 'never_retried', 'step', s.workflow_step_id
  from steps s
  where s.state = 'error' and s.retryable and s.attempts < s.allowance
  union all
  select 'exhausted', 'step', s.workflow_step_id
  from steps s
  where s.state in ('pending', 'error') and s.attempts >= s.allowance
  union all
  select 'not_retryable', 'step', s.workflow_step_id
  from steps s
  where not s.retryable and s.state = 'pending' and s.attempts = 0
  union all
  select 'marked_processed', 'step', s.workflow_step_id
  from steps s
  where s.processed and s.state in ('pending', 'error')
  union all
  select 'far_backoff', 'step', s.workflow_step_id
  from steps s
  where s.state in ('pending', 'error') and s.ready_at > (now() at time zone 'UTC') + interval '1 day'
  union all
  select 'complete_disagrees', 'task', t.task_id
  from public.tasker_tasks t
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  where t.complete <> (coalesce(c.to_state, 'pending') = 'complete')
)
select f.name, f.subject, count(*)::integer as total, count(*)::integer as unfinished,
  to_jsonb((array_agg(f.subject_id order by f.subject_id))[1:5]) as examples
from found f
group by f.name, f.subject
