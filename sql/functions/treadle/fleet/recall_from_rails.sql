-- Those of these tasks in the outbox for Rails that run in Treadle (again) are taken out of it, and looked at here.
create or replace function treadle.recall_from_rails(p_task_ids bigint[]) returns void
language plpgsql
as $$
declare
  v_ours bigint[] := array(select treadle.own_tasks(p_task_ids));
begin
  if cardinality(v_ours) > 0 then
    delete from treadle.tasks_for_rails where task_id = any (v_ours);
    insert into treadle.changed_tasks (task_id, of_step) select id, false from unnest(v_ours) id;
    perform pg_notify('treadle', 'changed');
  end if;
end
$$;
