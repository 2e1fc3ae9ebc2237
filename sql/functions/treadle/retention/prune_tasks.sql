-- Removes one batch of tasks whose end is older than p_age, with all that hangs on them: at most p_limit tasks, and of large
-- ones fewer. Which those are says prunable_tasks; p_complete, p_after_created_at and p_after_task_id say where to go on, and
-- the answer says it for the next batch (null: none is left in this half). Tasks that rows of others refer to by a foreign
-- key are kept: [{constraint, table, tasks}]. What somebody else holds locked is left for another time.
create or replace function treadle.prune_tasks(
  p_states text[],
  p_age interval,
  p_namespace text,
  p_complete boolean,
  p_after_created_at timestamp,
  p_after_task_id bigint,
  p_limit integer
) returns table (
  tasks integer,
  steps integer,
  row_count bigint,
  kept jsonb,
  last_created_at timestamp,
  last_task_id bigint
)
language plpgsql
set plan_cache_mode = 'force_custom_plan'
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  c_steps_at_once constant integer := 20000;
  v_before timestamp := treadle.utc_now() - p_age;
  v_page bigint[];
  v_doomed bigint[];
begin
  with page as (
    select p.task_id, p.created_at
    from treadle.prunable_tasks(
      p_states, v_before, treadle.named_task_ids(p_namespace, null), p_complete, p_after_created_at,
      p_after_task_id, p_limit
    ) p
  ),
  weighed as (
    select p.task_id, p.created_at,
      sum(s.steps) over (order by p.created_at, p.task_id) - s.steps as steps_before
    from page p
    cross join lateral (
      select count(*) as steps from public.tasker_workflow_steps s where s.task_id = p.task_id
    ) s
  )
  select array_agg(w.task_id order by w.created_at, w.task_id), max(w.created_at)
  into v_page, last_created_at
  from weighed w
  where w.steps_before < c_steps_at_once;
  last_task_id := v_page[cardinality(v_page)];

  v_doomed := array(
    select t.task_id
    from public.tasker_tasks t
    where t.task_id = any (v_page)
    order by t.task_id
    for update skip locked
  );
  -- a Rails app that writes to a step locks the step alone: then its task is left for another time
  with free as (
    select s.task_id
    from public.tasker_workflow_steps s
    where s.task_id = any (v_doomed)
    for update skip locked
  ),
  counted as (
    select f.task_id, count(*) as steps
    from free f
    group by f.task_id
  )
  select coalesce(array_agg(d.id order by d.id), '{}')
  into v_doomed
  from unnest(v_doomed) as d (id)
  left join counted c on c.task_id = d.id
  where coalesce(c.steps, 0) = (select count(*) from public.tasker_workflow_steps s where s.task_id = d.id);

  with referred as (
    select * from treadle.foreign_references(v_doomed)
  ),
  counted as (
    select r.constraint_name, r.table_name, count(*) as tasks
    from referred r
    group by r.constraint_name, r.table_name
  )
  select (
      select coalesce(jsonb_agg(jsonb_build_object('constraint', c.constraint_name, 'table', c.table_name, 'tasks', c.tasks)
        order by c.constraint_name), '[]')
      from counted c
    ),
    array(
      select c.task_id -- locked now: somebody may have opened it again meanwhile
      from public.tasker_task_transitions c
      where c.task_id = any (v_doomed)
        and c.most_recent
        and c.to_state = any (p_states)
        and c.created_at < v_before
        and not exists (select from referred r where r.task_id = c.task_id)
    )
  into kept, v_doomed;

  tasks := cardinality(v_doomed);
  select d.steps, d.row_count into steps, row_count from treadle.delete_tasks(v_doomed) d;
  return next;
end
$$;
