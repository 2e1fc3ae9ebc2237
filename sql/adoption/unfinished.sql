-- Unfinished tasks by named task, with how many steps they have.
select n.name as namespace_name, named.name as task_name, named.version, count(distinct t.task_id)::integer as tasks,
  count(s.workflow_step_id)::integer as steps
from public.tasker_tasks t
join public.tasker_named_tasks named on named.named_task_id = t.named_task_id
join public.tasker_task_namespaces n on n.task_namespace_id = named.task_namespace_id
left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
left join public.tasker_workflow_steps s on s.task_id = t.task_id
where t.complete = false
  and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
group by n.name, named.name, named.version
order by n.name, named.name, named.version
