-- The edges of new tasks of one named task, in one insert. Hash joins are asked for: without statistics the planner would
-- look through all steps of a task for each of its edges, which is seconds for a task of 10,000 steps. Both sides name the
-- tasks, so that neither reads the steps of others.
create or replace function treadle.create_edges(p_named_task_id integer, p_task_ids bigint[], p_at timestamp) returns void
language plpgsql
set join_collapse_limit = 1 -- in the order as written: tasks joined with themselves first would be n squared
set enable_nestloop = off
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
set enable_seqscan = off
as $$
begin
  insert into public.tasker_workflow_step_edges (from_step_id, to_step_id, name, created_at, updated_at)
  select parent.workflow_step_id, child.workflow_step_id, 'provides', p_at, p_at
  from public.tasker_workflow_steps child
  join treadle.step_dependencies d on d.named_step_id = child.named_step_id
  join public.tasker_workflow_steps parent
    on parent.task_id = child.task_id and parent.named_step_id = d.depends_on_named_step_id
  where child.task_id = any (p_task_ids)
    and parent.task_id = any (p_task_ids)
    and d.named_task_id = p_named_task_id
  order by child.workflow_step_id, parent.workflow_step_id;
end
$$;
