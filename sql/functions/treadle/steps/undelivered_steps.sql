-- Steps that this worker has claimed without knowing it: the claim was committed, its answer was lost with the connection.
-- p_known_claim_ids are those it has. Waits for claims that are still under way.
create or replace function treadle.undelivered_steps(p_worker_id bigint, p_epoch integer, p_known_claim_ids bigint[])
returns setof treadle.claimed_step
language plpgsql
as $$
declare
  v_step_ids bigint[];
begin
  perform pg_advisory_xact_lock(l.classid, l.objid) from treadle.worker_lock('claiming', p_worker_id) l;
  v_step_ids := array(
    select c.workflow_step_id
    from treadle.claims c
    where c.worker_id = p_worker_id and c.epoch = p_epoch and c.claim_id <> all (p_known_claim_ids)
    order by c.workflow_step_id
  );
  return query select * from treadle.delivered_steps(v_step_ids);
end
$$;
