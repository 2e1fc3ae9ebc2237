-- Reads what adoption reads of the first $1 tasks that are not complete, to see how fast this server is.
with page as (
  select t.task_id from public.tasker_tasks t where t.complete = false order by t.task_id limit $1
)
select count(distinct p.task_id)::integer as tasks,
  (select count(*)::integer from public.tasker_tasks t where t.complete = false) as all_tasks,
  count(s.workflow_step_id) as steps, count(c.id) as states, count(e.id) as edges, count(d.id) as parents
from page p
left join public.tasker_workflow_steps s on s.task_id = p.task_id
left join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
left join public.tasker_workflow_step_edges e on e.to_step_id = s.workflow_step_id
left join public.tasker_workflow_step_transitions d on d.workflow_step_id = e.from_step_id and d.most_recent
