-- A process that ends in order takes its row away. What it still holds (a claim that it never heard of) is given back
-- unharmed: no attempt is counted, and the steps are ready at once. Returns what follows from that.
create or replace function treadle.leave_worker(p_worker_id bigint, p_epoch integer)
returns table (given_back integer, ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
#variable_conflict use_column
declare
  v_claim_ids bigint[];
  v_step_ids bigint[];
begin
  perform pg_advisory_xact_lock(l.classid, l.objid) from treadle.worker_lock('claiming', p_worker_id) l;
  select coalesce(array_agg(c.claim_id order by c.claim_id), '{}'),
    coalesce(array_agg(c.workflow_step_id order by c.claim_id), '{}')
  into v_claim_ids, v_step_ids
  from treadle.claims c
  where c.worker_id = p_worker_id and c.epoch = p_epoch;
  delete from treadle.workers where worker_id = p_worker_id and epoch = p_epoch;
  if cardinality(v_step_ids) = 0 then
    return query select 0, '[]'::jsonb, '[]'::jsonb, 0;
    return;
  end if;
  return query
  select cardinality(v_step_ids) - jsonb_array_length(r.refused_claim_ids), r.ready_handlers, r.finalized, r.wakeups
  from treadle.record_outcomes(
    p_worker_id, p_epoch, v_claim_ids, v_step_ids,
    array_fill('release'::text, array[cardinality(v_step_ids)]),
    array_fill(
      '{"error": "the worker process ended", "error_class": "Treadle::Released", "backtrace": ""}'::jsonb,
      array[cardinality(v_step_ids)]
    ),
    array_fill('{"code": "released", "triggered_by": "treadle"}'::jsonb, array[cardinality(v_step_ids)]),
    array_fill(0::double precision, array[cardinality(v_step_ids)])
  ) r;
end
$$;
