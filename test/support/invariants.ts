// What holds of the Rails tables after anything Treadle did (fact sheet 11.2), as one query: every row is a violation.
// Rows that another hand wrote (no `event` in their metadata) are only held to what Rails itself keeps.
import type { Executor } from '../../sql/database.ts';

/** Sentences about what is broken; empty when all is well. */
export async function violations(db: Executor): Promise<string[]> {
  const rows = await db.query<{ violation: string }>(INVARIANTS);
  return rows.map((row) => row.violation);
}

const INVARIANTS = `
with moves as (
  select 'step' as kind, workflow_step_id as id, from_state, to_state, sort_key, most_recent, metadata,
    lag(to_state, 1, 'pending') over w as before, lead(sort_key) over w is null as newest
  from public.tasker_workflow_step_transitions
  window w as (partition by workflow_step_id order by sort_key)
  union all
  select 'task', task_id, from_state, to_state, sort_key, most_recent, metadata,
    lag(to_state, 1, 'pending') over w, lead(sort_key) over w is null
  from public.tasker_task_transitions
  window w as (partition by task_id order by sort_key)
),
steps as (
  select s.*, c.to_state as state, c.metadata ? 'event' as ours, t.complete as task_complete,
    coalesce(c.metadata ->> 'code', '') as code,
    case when s.retryable then coalesce(s.retry_limit, 3) else least(coalesce(s.retry_limit, 3), 1) end as allowance
  from public.tasker_workflow_steps s
  join public.tasker_tasks t on t.task_id = s.task_id
  left join public.tasker_workflow_step_transitions c
    on c.workflow_step_id = s.workflow_step_id and c.most_recent
)
select kind || ' ' || id || ': the most recent row must be the one with the highest sort_key' as violation
from moves
where most_recent <> newest
union all
select kind || ' ' || id || ': metadata must be an object'
from moves
where jsonb_typeof(metadata) <> 'object'
union all
select kind || ' ' || id || ': from_state ' || coalesce(from_state, 'null') || ' after ' || before
from moves
where metadata ? 'event' and from_state is distinct from before
union all
select kind || ' ' || id || ': ' || before || ' -> ' || to_state || ' is no move of the event ' || (metadata ->> 'event')
from moves
where metadata ? 'event'
  and to_state is distinct from case kind
    when 'step' then treadle.step_next_state(before, metadata ->> 'event')
    else treadle.task_next_state(before, metadata ->> 'event')
  end
union all
select 'step ' || workflow_step_id || ': complete, but its columns do not say so'
from steps
where state = 'complete' and ours
  and not (processed and not in_process and processed_at is not null and attempts >= 1
    and last_attempted_at is not null and results is not null)
union all
select 'step ' || workflow_step_id || ': failed, but its columns do not say so'
from steps
where state = 'error' and ours
  and not (not processed and not in_process and last_attempted_at is not null
    and attempts >= case code when 'released' then 0 else 1 end -- given back without an attempt
    and results ?& array['error', 'error_class', 'backtrace'])
union all
select 'step ' || workflow_step_id || ': attempts ' || coalesce(attempts::text, 'null') || ' of ' || allowance
from steps
where attempts is null or attempts > greatest(allowance, 0)
union all
select 'task ' || t.task_id || ': complete, but not all of it is'
from public.tasker_tasks t
join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent and c.to_state = 'complete'
where c.metadata ? 'event'
  and (not t.complete or exists (
    select from steps s
    where s.task_id = t.task_id and coalesce(s.state, 'pending') not in ('complete', 'resolved_manually')
  ))
union all
select 'step ' || k.workflow_step_id || ': claimed and offered at the same time'
from treadle.claims k
join treadle.ready_steps r using (workflow_step_id)
union all
select 'step ' || k.workflow_step_id || ': claimed with its start ' || case when k.on_record then '' else 'not ' end
  || 'on record, but it is ' || coalesce(c.to_state, 'pending')
from treadle.claims k
left join public.tasker_workflow_step_transitions c on c.workflow_step_id = k.workflow_step_id and c.most_recent
where coalesce(c.to_state, 'pending') <> case when k.on_record then 'in_progress' else 'pending' end
  and not exists (select from treadle.changed_tasks x where x.task_id = k.task_id) -- another hand moved it
union all
select 'task ' || r.task_id || ': offers steps without being in progress'
from treadle.ready_steps r
where not exists (
  select from public.tasker_task_transitions c
  where c.task_id = r.task_id and c.most_recent and c.to_state = 'in_progress'
)
and not exists (select from treadle.changed_tasks x where x.task_id = r.task_id)`;
