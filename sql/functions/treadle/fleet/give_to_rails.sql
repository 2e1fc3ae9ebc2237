-- These tasks wait for Rails from now on: in the outbox, until an engine with a queue of Rails, or the app itself, takes them from
-- there. Arrays run in parallel; null instants mean now.
create or replace function treadle.give_to_rails(p_task_ids bigint[], p_run_at timestamptz[], p_reason text) returns void
language plpgsql
as $$
begin
  if coalesce(cardinality(p_task_ids), 0) = 0 then
    return;
  end if;
  insert into treadle.tasks_for_rails (task_id, run_at, reason)
  select g.task_id, coalesce(g.run_at, treadle.now()), p_reason
  from unnest(p_task_ids, p_run_at) as g (task_id, run_at)
  on conflict (task_id) do update set run_at = excluded.run_at, reason = excluded.reason;
  perform pg_notify('treadle', 'rails');
end
$$;
