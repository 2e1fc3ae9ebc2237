-- Steps that this worker has claimed without knowing it: the claim was committed, its answer was lost with the connection.
-- p_known_claim_ids are those it has. Waits for claims that are still under way.
create or replace function treadle.undelivered_steps(p_worker_id bigint, p_epoch integer, p_known_claim_ids bigint[])
returns setof json
language plpgsql
as $$
declare
  v_step_ids bigint[];
  v_claim_ids bigint[];
begin
  perform pg_advisory_xact_lock(l.classid, l.objid) from treadle.worker_lock('claiming', p_worker_id) l;
  select array_agg(c.workflow_step_id order by c.workflow_step_id), array_agg(c.claim_id order by c.workflow_step_id)
  into v_step_ids, v_claim_ids
  from treadle.claims c
  where c.worker_id = p_worker_id and c.epoch = p_epoch and c.claim_id <> all (p_known_claim_ids);
  return query select d from treadle.deliveries(v_step_ids, v_claim_ids) d;
end
$$;
