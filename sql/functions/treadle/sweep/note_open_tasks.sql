-- Brings treadle.open_tasks up to date with tasks that were created or opened again since the last sweep, by any hand: read
-- from the ids that are new, so that nobody else has to keep it. A page of all unfinished tasks is looked at too, however
-- old: whatever was missed is found in the end. The caller is the only sweep.
create or replace function treadle.note_open_tasks(p_page integer default 250) returns void
language plpgsql
set plan_cache_mode = 'force_custom_plan'
set enable_seqscan = off
set enable_material = off
as $$
declare
  v_now timestamptz := treadle.now();
  v_marks treadle.sweeps;
  v_newest record;
  v_page bigint[];
begin
  select * into v_marks from treadle.sweeps;
  select pg_current_snapshot() as snapshot,
    (select max(t.task_id) from public.tasker_tasks t) as task,
    (select max(c.id) from public.tasker_task_transitions c) as transition,
    (select max(n.updated_at) from public.tasker_named_tasks n) as template
  into v_newest;

  if v_newest.template is distinct from v_marks.templates_at then
    v_marks.task_mark := 0;
    v_marks.templates_at := v_newest.template;
  end if;

  perform treadle.open_tasks_of(array(
    select t.task_id from public.tasker_tasks t where t.task_id > v_marks.task_mark and t.complete = false
    union all
    select c.task_id
    from public.tasker_task_transitions c
    where c.id > v_marks.transition_mark and c.most_recent and c.to_state in ('pending', 'in_progress')
  ));
  -- everything up to the next mark has been there for us to see, now that those who wrote it have ended
  if pg_snapshot_xmin(v_newest.snapshot) >= v_marks.horizon or v_marks.horizon_at < v_now - interval '10 minutes' then
    v_marks.task_mark := v_marks.next_task_mark;
    v_marks.transition_mark := v_marks.next_transition_mark;
    v_marks.next_task_mark := coalesce(v_newest.task, 0);
    v_marks.next_transition_mark := coalesce(v_newest.transition, 0);
    v_marks.horizon := pg_snapshot_xmax(v_newest.snapshot);
    v_marks.horizon_at := v_now;
  end if;
  v_page := array(
    select t.task_id
    from public.tasker_tasks t
    where t.task_id > v_marks.full_pass_at and t.complete = false
    order by t.task_id
    limit p_page
  );
  perform treadle.open_tasks_of(v_page);

  update treadle.sweeps
  set task_mark = v_marks.task_mark,
    transition_mark = v_marks.transition_mark,
    next_task_mark = v_marks.next_task_mark,
    next_transition_mark = v_marks.next_transition_mark,
    horizon = v_marks.horizon,
    horizon_at = v_marks.horizon_at,
    templates_at = v_marks.templates_at,
    full_pass_at = case when cardinality(v_page) = p_page then v_page[p_page] else 0 end;
end
$$;
