-- The claim that a token stands for: {workflow_step_id, claim_id, worker_id, epoch}. Raises TR007 for anything else.
create or replace function treadle.claim_of_token(p_claim_token text) returns bigint[]
language plpgsql immutable
as $$
begin
  if p_claim_token is null or p_claim_token !~ '^\d{1,18}\.\d{1,18}\.\d{1,18}\.\d{1,9}$' then
    raise exception 'expected the claim token of a step, came %',
      coalesce(quote_literal(left(p_claim_token, 60)), 'null') using errcode = 'TR007';
  end if;
  return string_to_array(p_claim_token, '.')::bigint[];
end
$$;
