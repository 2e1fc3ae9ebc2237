-- The second half of a sweep, a page at a time: compares all that is kept about the next p_limit open tasks with what the
-- Rails tables say, and mends what differs. Steps that are offered or claimed of tasks beside them, which have ended, are
-- looked at too. Fewer than p_limit checked: the round is complete.
create or replace function treadle.verify_tasks(p_after bigint, p_grace interval, p_limit integer)
returns table (
  checked integer,
  last_task_id bigint,
  troubles jsonb,
  task_ids jsonb,
  failures jsonb,
  ready_handlers jsonb,
  finalized jsonb,
  wakeups integer
)
language plpgsql
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_page bigint[] := array(
    select o.task_id from treadle.open_tasks o where o.task_id > p_after order by o.task_id limit p_limit
  );
  v_last bigint := case when cardinality(v_page) = p_limit then v_page[p_limit] else 9223372036854775807 end;
  v_strays bigint[] := array(
    select kept.task_id
    from (
      select r.task_id from treadle.ready_steps r where r.task_id > p_after and r.task_id <= v_last
      union
      select k.task_id from treadle.claims k where k.task_id > p_after and k.task_id <= v_last
    ) kept
    where not exists (select from treadle.open_tasks o where o.task_id = kept.task_id)
    order by kept.task_id
    limit p_limit
  );
begin
  return query select * from treadle.check_tasks(v_page || v_strays, p_grace);
end
$$;
