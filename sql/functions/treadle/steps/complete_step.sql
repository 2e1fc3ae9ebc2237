-- Completes one step inside the caller's transaction: what the caller wrote, the outcome, the audit row, the children that
-- became ready and the end of the task commit together or not at all. p_claim_token is the one that came with the claim.
-- Call it last: it takes the lock of the task, and siblings that end meanwhile wait for the commit. An idle transaction
-- is therefore ended by Postgres after ten seconds. p_notify false: the caller tells the engines itself.
-- Raises TR003 when the claim was taken away (nothing of the transaction may stay), TR007 for a token that is none, for
-- results that are null, and outside of read committed (a snapshot taken before the lock would miss what siblings wrote).
create or replace function treadle.complete_step(p_claim_token text, p_results jsonb, p_notify boolean default true)
returns table (ready_handlers jsonb, finalized jsonb, wakeups integer)
language plpgsql
as $$
declare
  v_claim bigint[] := treadle.claim_of_token(p_claim_token);
  v_recorded record;
begin
  if p_results is null then
    raise exception 'the results of a step must be JSON, but are null (say ''null''::jsonb, or {})' using errcode = 'TR007';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'complete_step needs a transaction in read committed, this one is in %',
      current_setting('transaction_isolation') using errcode = 'TR007';
  end if;

  select * into v_recorded
  from treadle.record_outcomes(
    v_claim[3], v_claim[4]::integer, array[v_claim[2]], array[v_claim[1]], array['complete'], array[p_results],
    array['{"triggered_by": "complete_step"}'::jsonb], array[null::double precision]
  );
  if v_recorded.refused_claim_ids <> '[]' then
    raise exception 'step % was taken away from this attempt (it timed out, was cancelled, or its worker was declared dead)',
      v_claim[1] using errcode = 'TR003';
  end if;
  perform set_config('idle_in_transaction_session_timeout', '10s', true);

  if p_notify then
    perform treadle.notify_of_outcome(v_recorded.ready_handlers, v_recorded.finalized, v_recorded.wakeups);
  end if;
  return query select v_recorded.ready_handlers, v_recorded.finalized, v_recorded.wakeups;
end
$$;
