-- The handlers for which something may have room now that these claims have ended.
create or replace function treadle.freed_handlers(p_claim_ids bigint[]) returns jsonb
language sql stable
as $$
  select coalesce(jsonb_agg(distinct f.handler), '[]')
  from treadle.limited_claims c
  join treadle.full_groups f on f.group_id = c.group_id
  where c.claim_id = any (p_claim_ids)
$$;
