-- The claims that nobody works on any more, with the delay before the next attempt of their steps: none after the first
-- loss of a step; from the second on it doubles, so that a step which kills its worker does not kill one after the other.
create or replace function treadle.lost_claims()
returns table (
  worker_id bigint, epoch integer, claim_id bigint, workflow_step_id bigint, task_id bigint, delay_ms double precision
)
language sql volatile
as $$
  select c.worker_id, c.epoch, c.claim_id, c.workflow_step_id, c.task_id,
    case when l.losses = 0 then 0 else least(1000 * power(2, least(l.losses, 10) - 1), 60000) end
  from treadle.claims c
  cross join lateral (
    select count(*)::integer as losses
    from public.tasker_workflow_step_transitions t
    where t.workflow_step_id = c.workflow_step_id and t.metadata ->> 'code' = 'worker_lost'
  ) l
  where not exists (select from treadle.workers w where w.worker_id = c.worker_id and w.epoch = c.epoch)
$$;
