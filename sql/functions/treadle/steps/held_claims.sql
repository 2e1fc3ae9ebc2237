-- Which of these claims the worker still holds. The others were taken back, cancelled, or ended by somebody else: their
-- handlers must stop.
create or replace function treadle.held_claims(p_worker_id bigint, p_epoch integer, p_claim_ids bigint[])
returns setof bigint
language sql stable
as $$
  select c.claim_id
  from treadle.claims c
  where c.claim_id = any (p_claim_ids) and c.worker_id = p_worker_id and c.epoch = p_epoch
$$;
