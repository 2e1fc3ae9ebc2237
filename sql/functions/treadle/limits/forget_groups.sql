-- Forgets what nothing is counted by any more: groups that nobody used for p_idle and whose period is over, claims that have
-- ended. What others use right now is left alone. Returns how many groups went.
create or replace function treadle.forget_groups(p_idle interval, p_limit integer) returns integer
language plpgsql
as $$
declare
  v_at timestamptz := treadle.now();
  v_groups bigint[] := array(
    select g.group_id
    from treadle.limit_groups g
    left join treadle.limits l on l.limit_id = g.limit_id
    where g.used_at < v_at - greatest(p_idle, coalesce(l.per, p_idle))
      and g.group_id not in (select unnest(n.group_ids) from treadle.lanes n)
      and not exists (
        select
        from treadle.limited_claims c
        join treadle.claims k on k.workflow_step_id = c.workflow_step_id and k.claim_id = c.claim_id
        where c.group_id = g.group_id
      )
    order by g.used_at
    limit p_limit
    for update of g skip locked
  );
begin
  delete from treadle.limited_claims where group_id = any (v_groups);
  delete from treadle.limited_starts where group_id = any (v_groups);
  delete from treadle.full_groups where group_id = any (v_groups);
  delete from treadle.limit_groups where group_id = any (v_groups);
  return cardinality(v_groups);
end
$$;
