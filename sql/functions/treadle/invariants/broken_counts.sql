-- Violations of treadle.state_counts: see check_invariants. What is kept, with what has changed since, is what there is. It concerns
-- the whole database, so it is asked only when nothing narrower was asked for; before the first count there is nothing to hold.
create or replace function treadle.broken_counts(p_task_ids bigint[])
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language sql
stable
as $$
  select 'state_counts', coalesce(k.kind, c.kind), 0::bigint, 0::bigint,
    format('kept as %s in %s, and there are %s', coalesce(k.amount, 0), coalesce(k.state, c.state), coalesce(c.amount, 0))
  from (select * from treadle.kept_state_counts() where p_task_ids is null) k
  full join (
    select * from treadle.count_states()
    where p_task_ids is null and exists (select from treadle.kept_state_counts())
  ) c on c.kind = k.kind and c.state = k.state
  where coalesce(k.amount, 0) <> coalesce(c.amount, 0)
$$;
