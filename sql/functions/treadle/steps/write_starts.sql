-- Writes the in_progress rows of claims that have none yet, dated at their claim: of p_step_ids, whoever runs them
-- (p_claim_ids null: somebody is about to take them away), or of these claims of a worker whose handlers take longer. A claim
-- that somebody else is ending at this moment is waited for in the first case and left to it in the second. A claim whose
-- step another hand has moved meanwhile stays without: it is void, and an in_progress row of that hand is none of ours.
create or replace function treadle.write_starts(p_step_ids bigint[], p_claim_ids bigint[] default null) returns void
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_late record;
  v_started bigint[] := '{}';
begin
  if p_claim_ids is null then
    perform 1
    from treadle.claims c
    where c.workflow_step_id = any (p_step_ids) and not c.on_record
    order by c.workflow_step_id
    for update;
  else
    p_step_ids := array(
      select c.workflow_step_id
      from treadle.claims c
      where c.workflow_step_id = any (p_step_ids) and c.claim_id = any (p_claim_ids) and not c.on_record
      order by c.workflow_step_id
      for update skip locked
    );
  end if;
  for v_late in
    select c.worker_id, c.claimed_at, array_agg(c.workflow_step_id order by c.workflow_step_id) as step_ids
    from treadle.claims c
    where c.workflow_step_id = any (p_step_ids) and not c.on_record
    group by c.worker_id, c.claimed_at
  loop
    v_started := v_started
      || array(select treadle.move_steps(v_late.step_ids, 'start', v_late.worker_id, v_late.claimed_at));
  end loop;
  if cardinality(v_started) > 0 then
    update treadle.claims set on_record = true where workflow_step_id = any (v_started);
  end if;
end
$$;
