-- Counts steps that have just been claimed in their groups. Arrays run in parallel; p_group_ids has the groups of each step
-- as JSON. Rows of claims that have ended, and starts that no rate asks for any more, go. Callers hold the locks of
-- lock_limits.
create or replace function treadle.count_starts(
  p_step_ids bigint[],
  p_claim_ids bigint[],
  p_group_ids jsonb,
  p_at timestamptz
) returns void
language plpgsql
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  v_groups bigint[] := array(
    select distinct g.id::bigint
    from unnest(p_step_ids) as s (id)
    cross join lateral jsonb_array_elements_text(p_group_ids -> s.id::text) as g (id)
  );
begin
  delete from treadle.limited_claims c
  where c.group_id = any (v_groups)
    and not exists (
      select from treadle.claims k where k.workflow_step_id = c.workflow_step_id and k.claim_id = c.claim_id
    );

  with counted as materialized (
    select g.group_id, l.kind, s.claim_id, s.step_id,
      g.starts + row_number() over (partition by g.group_id order by s.claim_id) as number
    from unnest(p_step_ids, p_claim_ids) as s (step_id, claim_id)
    cross join lateral jsonb_array_elements_text(p_group_ids -> s.step_id::text) as e (id)
    cross join lateral (
      select g.group_id, g.limit_id, g.starts from treadle.limit_groups g where g.group_id = e.id::bigint offset 0
    ) g
    cross join lateral (select l.kind from treadle.limits l where l.limit_id = g.limit_id offset 0) l
  ),
  running as (
    insert into treadle.limited_claims (group_id, claim_id, workflow_step_id)
    select c.group_id, c.claim_id, c.step_id
    from counted c
    where c.kind = 'concurrency'
  ),
  started as (
    insert into treadle.limited_starts (group_id, number, started_at)
    select c.group_id, c.number, p_at
    from counted c
    where c.kind = 'rate'
  )
  update treadle.limit_groups g
  set starts = c.latest, used_at = p_at
  from (select group_id, max(number) as latest from counted group by group_id) c
  where g.group_id = c.group_id;

  delete from treadle.limited_starts s
  using unnest(v_groups) as v (id)
  cross join lateral ( -- each group by its id: a limit has thousands of others
    select g.group_id, g.limit_id, g.starts from treadle.limit_groups g where g.group_id = v.id offset 0
  ) g
  cross join lateral (
    select l.amount, l.per from treadle.limits l where l.limit_id = g.limit_id and l.kind = 'rate' offset 0
  ) l
  where s.group_id = g.group_id and s.number <= g.starts - l.amount and s.started_at <= p_at - l.per;
end
$$;
