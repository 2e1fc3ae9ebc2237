-- Violations between the Rails tables and ours: see check_invariants. Nothing is claimed and offered at once, what is claimed is in the
-- state that its claim says, and only tasks in progress offer steps. A task that another hand has just changed is not judged.
create or replace function treadle.broken_claims(p_task_ids bigint[])
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language sql
stable
as $$
  select 'claimed_once', 'step', k.workflow_step_id, k.task_id, 'claimed and offered at the same time'
  from treadle.claims k
  join treadle.ready_steps r on r.workflow_step_id = k.workflow_step_id
  where p_task_ids is null or k.task_id = any (p_task_ids)
  union all
  select 'claimed_state', 'step', k.workflow_step_id, k.task_id,
    'claimed with its start ' || case when k.on_record then '' else 'not ' end || 'on record, but it is '
      || coalesce(c.to_state, 'pending')
  from treadle.claims k
  left join public.tasker_workflow_step_transitions c on c.workflow_step_id = k.workflow_step_id and c.most_recent
  where (p_task_ids is null or k.task_id = any (p_task_ids))
    and coalesce(c.to_state, 'pending') <> case when k.on_record then 'in_progress' else 'pending' end
    and not exists (select from treadle.changed_tasks x where x.task_id = k.task_id)
  union all
  select 'offered_in_progress', 'task', r.task_id, r.task_id, 'offers steps without being in progress'
  from (select distinct r.task_id from treadle.ready_steps r) r
  where (p_task_ids is null or r.task_id = any (p_task_ids))
    and not exists (
      select from public.tasker_task_transitions c
      where c.task_id = r.task_id and c.most_recent and c.to_state = 'in_progress'
    )
    and not exists (select from treadle.changed_tasks x where x.task_id = r.task_id)
$$;
