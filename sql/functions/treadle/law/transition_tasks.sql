-- The only writer of task states: the twin of transition_steps. Callers hold the locks of the task rows and have checked
-- the guard of `complete` (every step done). Returns the ids of the tasks that moved.
create or replace function treadle.transition_tasks(
  p_task_ids bigint[],
  p_events text[],
  p_metadata jsonb[],
  p_at timestamp
) returns setof bigint
language plpgsql
set treadle.writing = 'on'
set plan_cache_mode = 'force_generic_plan'
set enable_seqscan = off
set enable_material = off
set enable_nestloop = off
set enable_hashjoin = on -- callers have it off
set enable_mergejoin = off
as $$
declare
  v_moved bigint[];
begin
  for attempt in 1..3 loop
    begin
      with moves as materialized (
        select m.task_id, m.event, m.metadata
        from unnest(p_task_ids, p_events, p_metadata) as m (task_id, event, metadata)
      ),
      current as materialized (
        select t.task_id
        from public.tasker_task_transitions t
        where t.task_id = any (p_task_ids) and t.most_recent
      ),
      closed as (
        update public.tasker_task_transitions t
        set most_recent = false, updated_at = p_at
        from moves m
        where t.task_id = any (p_task_ids)
          and t.most_recent
          and t.task_id = m.task_id
          and treadle.task_next_state(t.to_state, m.event) is not null
        returning m.task_id, m.event, m.metadata, t.sort_key, t.to_state as from_state
      ),
      lawful as (
        select c.task_id, c.event, c.metadata, c.sort_key, c.from_state
        from closed c
        union all
        select m.task_id, m.event, m.metadata, 0, 'pending'
        from moves m
        where treadle.task_next_state('pending', m.event) is not null
          and not exists (select from current c where c.task_id = m.task_id)
      ),
      written as (
        insert into public.tasker_task_transitions
          (task_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
        select l.task_id, l.from_state, treadle.task_next_state(l.from_state, l.event),
          jsonb_build_object('event', l.event) || l.metadata, l.sort_key + 10, true, p_at, p_at
        from lawful l
        returning tasker_task_transitions.task_id, to_state
      ),
      counted as (
        insert into treadle.state_count_changes (kind, state, change)
        select 'task', n.state, sum(n.change)
        from (
          select w.to_state as state, 1 as change from written w
          union all
          select c.from_state, -1 from closed c
        ) n
        group by n.state
      )
      select array_agg(w.task_id) into v_moved from written w;
      return query select unnest(v_moved);
      return;
    exception
      when unique_violation then
        null; -- somebody else moved one of the tasks in the same instant: look again at what it is now
    end;
  end loop;
  raise exception 'somebody else moved a task in the same instant' using errcode = 'serialization_failure';
end
$$;
