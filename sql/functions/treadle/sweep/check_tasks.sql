-- mend_troubles for a page of tasks; when it fails, for each of them alone, so that one task that nobody can mend does not
-- keep the others stuck. Returns how many were looked at, the last of them, how many had which trouble ({trouble: tasks}),
-- which tasks were mended, which could not be ([{task_id, error}]), and what follows as start_tasks says it.
create or replace function treadle.check_tasks(p_task_ids bigint[], p_grace interval)
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
as $$
#variable_conflict use_column
declare
  v_mended bigint[] := '{}';
  v_troubles text[] := '{}';
  v_done record;
  v_alone boolean := false;
  v_task_id bigint;
begin
  checked := cardinality(p_task_ids);
  last_task_id := (select max(id) from unnest(p_task_ids) id);
  ready_handlers := '[]';
  finalized := '[]';
  failures := '[]';
  wakeups := 0;
  if checked > 0 then
    begin
      select * into v_done from treadle.mend_troubles(p_task_ids, p_grace);
      v_mended := v_done.task_ids;
      v_troubles := v_done.troubles;
      ready_handlers := coalesce(v_done.ready_handlers, '[]');
      finalized := coalesce(v_done.finalized, '[]');
      wakeups := coalesce(v_done.wakeups, 0);
    exception when others then
      v_alone := true;
    end;
  end if;
  if v_alone then
    foreach v_task_id in array p_task_ids loop
      begin
        select * into v_done from treadle.mend_troubles(array[v_task_id], p_grace);
        v_mended := v_mended || v_done.task_ids;
        v_troubles := v_troubles || v_done.troubles;
        ready_handlers := ready_handlers || coalesce(v_done.ready_handlers, '[]');
        finalized := finalized || coalesce(v_done.finalized, '[]');
        wakeups := wakeups + coalesce(v_done.wakeups, 0);
      exception when others then
        failures := failures || jsonb_build_object('task_id', v_task_id, 'error', sqlerrm);
      end;
    end loop;
  end if;
  task_ids := to_jsonb(v_mended);
  troubles := (
    select coalesce(jsonb_object_agg(c.trouble, c.tasks), '{}')
    from (select trouble, count(*) as tasks from unnest(v_troubles) as trouble group by trouble) c
  );
  return next;
end
$$;
