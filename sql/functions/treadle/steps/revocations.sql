-- Why steps were taken from whoever ran them, in words for the handlers that are told to stop. completed_claim_id: it was
-- complete_step, under this claim; whoever holds that has ended the step itself.
create or replace function treadle.revocations(p_step_ids bigint[])
returns table (workflow_step_id bigint, reason text, completed_claim_id bigint)
language sql stable
as $$
  select c.workflow_step_id,
    case
      when c.metadata ->> 'error_message' is not null then 'the step was taken away: ' || (c.metadata ->> 'error_message')
      when c.to_state = 'cancelled' then 'the step was cancelled'
      when c.to_state = 'in_progress' then 'the step was given to another worker'
      else 'the step was ended by another hand: it is ' || c.to_state
    end
    || coalesce(' by ' || (c.metadata ->> 'by'), '')
    || coalesce(': ' || (c.metadata ->> 'reason'), ''),
    case
      when c.to_state = 'complete' and c.metadata ->> 'triggered_by' = 'complete_step' then (c.metadata ->> 'claim_id')::bigint
    end
  from public.tasker_workflow_step_transitions c
  where c.workflow_step_id = any (p_step_ids) and c.most_recent
$$;
