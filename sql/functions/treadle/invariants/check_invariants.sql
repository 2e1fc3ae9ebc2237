-- What is broken in the tables, one row each, of these tasks or (null) of all: what a foreign writer of the Rails engine's tables
-- must keep, and what holds between those and our own. Rows that another hand wrote (no `event` in their metadata) are held only to
-- what Rails itself keeps. It reads everything and changes nothing; while others write, what it sees is one instant.
create or replace function treadle.check_invariants(p_task_ids bigint[] default null)
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language sql
stable
as $$
  select * from treadle.broken_trails(p_task_ids)
  union all
  select * from treadle.broken_tasks(p_task_ids)
  union all
  select * from treadle.broken_steps(p_task_ids)
  union all
  select * from treadle.broken_edges(p_task_ids)
  union all
  select * from treadle.broken_claims(p_task_ids)
  union all
  select * from treadle.broken_counts(p_task_ids)
$$;
