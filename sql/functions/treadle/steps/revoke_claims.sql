-- Takes these steps from whoever runs them, and tells the engines. Returns those that somebody ran.
create or replace function treadle.revoke_claims(p_step_ids bigint[]) returns bigint[]
language plpgsql
as $$
declare
  v_claimed bigint[];
begin
  with revoked as (
    delete from treadle.claims where workflow_step_id = any (p_step_ids) returning workflow_step_id
  )
  select coalesce(array_agg(r.workflow_step_id), '{}') into v_claimed from revoked r;
  if cardinality(v_claimed) > 0 then
    perform pg_notify('treadle', 'revoked');
    if exists (select from treadle.limited_handlers) then
      perform pg_notify('treadle', 'ready'); -- their slots may be waited for
    end if;
  end if;
  return v_claimed;
end
$$;
