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
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
begin
  return query
  with moves as (
    select m.task_id, m.event, m.metadata, t.id as current_id, coalesce(t.sort_key, 0) as sort_key,
      coalesce(t.to_state, 'pending') as from_state,
      treadle.task_next_state(coalesce(t.to_state, 'pending'), m.event) as to_state
    from unnest(p_task_ids, p_events, p_metadata) as m (task_id, event, metadata)
    left join public.tasker_task_transitions t on t.task_id = m.task_id and t.most_recent
  ),
  closed as (
    update public.tasker_task_transitions t
    set most_recent = false, updated_at = p_at
    from moves m
    where t.id = m.current_id and t.most_recent and m.to_state is not null
    returning m.task_id, m.event, m.metadata, m.sort_key, m.from_state, m.to_state
  ),
  lawful as (
    select c.task_id, c.event, c.metadata, c.sort_key, c.from_state, c.to_state
    from closed c
    union all
    select m.task_id, m.event, m.metadata, m.sort_key, m.from_state, m.to_state
    from moves m
    where m.current_id is null and m.to_state is not null
  )
  insert into public.tasker_task_transitions
    (task_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
  select l.task_id, l.from_state, l.to_state, jsonb_build_object('event', l.event) || l.metadata,
    l.sort_key + 10, true, p_at, p_at
  from lawful l
  on conflict do nothing
  returning tasker_task_transitions.task_id;
end
$$;
