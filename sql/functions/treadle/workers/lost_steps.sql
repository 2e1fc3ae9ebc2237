-- The steps that were taken back from a dead worker, as its survivors publish them.
create or replace function treadle.lost_steps(p_step_ids bigint[], p_claim_ids bigint[], p_refused_claim_ids jsonb)
returns jsonb
language sql stable
as $$
  select coalesce(
    jsonb_agg(
      jsonb_build_object(
        'task_id', s.task_id, 'workflow_step_id', s.workflow_step_id, 'step_name', n.name,
        'attempt', (c.metadata ->> 'attempt_number')::integer
      )
      order by s.workflow_step_id
    ),
    '[]'
  )
  from unnest(p_step_ids, p_claim_ids) as given (step_id, claim_id)
  join public.tasker_workflow_steps s on s.workflow_step_id = given.step_id
  join public.tasker_named_steps n on n.named_step_id = s.named_step_id
  join public.tasker_workflow_step_transitions c on c.workflow_step_id = s.workflow_step_id and c.most_recent
  where not p_refused_claim_ids @> to_jsonb(given.claim_id)
$$;
