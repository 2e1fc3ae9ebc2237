-- Counts what runs for a handler in the groups of the limits that concern it now.
create or replace function treadle.count_running(p_handler text, p_at timestamptz) returns void
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_step_ids bigint[] := array(
    select k.workflow_step_id
    from treadle.claims k
    join public.tasker_workflow_steps s on s.workflow_step_id = k.workflow_step_id
    join public.tasker_tasks t on t.task_id = s.task_id
    cross join lateral treadle.step_definition(t.named_task_id, s.named_step_id) d
    where d.handler = p_handler
  );
  v_group_ids jsonb := (
    select jsonb_object_agg(g.workflow_step_id, to_jsonb(g.group_ids))
    from treadle.groups_of_steps(p_handler, v_step_ids, p_at) g
  );
begin
  insert into treadle.limited_claims (group_id, claim_id, workflow_step_id)
  select g.group_id, k.claim_id, k.workflow_step_id
  from treadle.claims k
  cross join lateral jsonb_array_elements_text(v_group_ids -> k.workflow_step_id::text) as e (id)
  join treadle.limit_groups g on g.group_id = e.id::bigint
  join treadle.limits l on l.limit_id = g.limit_id and l.kind = 'concurrency'
  where k.workflow_step_id = any (v_step_ids)
  on conflict do nothing;
end
$$;
