-- Takes tasks from the outbox for Rails, those that are due within p_ahead (null: all), the earliest first; the caller hands them to a
-- queue of Rails before the transaction commits: at least once. Concurrent callers never get the same. A task that has come back
-- to Treadle meanwhile is left to it, and one that has begun or ended to nobody. Columns as those of take_wakeups; fewer than
-- p_limit rows: there are no more. Runs with the rights of Treadle's owner, as keep_from_rails does.
create or replace function treadle.take_tasks_for_rails(p_limit integer, p_ahead interval default null)
returns table (
  task_id bigint,
  run_at timestamptz,
  reason text,
  delay_ms double precision,
  priority integer,
  correlation_id text
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = 'force_custom_plan'
as $$
#variable_conflict use_column
declare
  v_now timestamptz := treadle.now();
  v_due bigint[];
  v_given integer := 0;
  v_count integer;
begin
  loop
    v_due := array(
      select r.task_id
      from treadle.tasks_for_rails r
      where r.run_at <= coalesce(v_now + p_ahead, 'infinity')
      order by r.run_at, r.task_id
      limit p_limit - v_given
      for update skip locked
    );
    exit when cardinality(v_due) = 0;
    perform treadle.recall_from_rails(v_due);
    return query
    with taken as (
      delete from treadle.tasks_for_rails r
      where r.task_id = any (v_due)
      returning r.task_id, r.run_at, r.reason
    )
    select k.task_id, k.run_at, case k.reason when 'created' then 'created' else 'changed' end,
      greatest(extract(epoch from k.run_at - v_now) * 1000, 0)::double precision,
      (
        select least(greatest(coalesce(max(d.priority), 0), -100), 100)
        from treadle.step_definitions d
        where d.named_task_id = t.named_task_id and d.in_template
      ),
      treadle.correlation_id(k.task_id, t.tags)
    from taken k
    join public.tasker_tasks t on t.task_id = k.task_id
    left join public.tasker_task_transitions c on c.task_id = k.task_id and c.most_recent
    where coalesce(c.to_state, 'pending') = 'pending'
    order by k.run_at, k.task_id;
    get diagnostics v_count = row_count;
    v_given := v_given + v_count;
  end loop;
end
$$;
