-- The only writer of step states. Sends one event each to many steps and returns the ids of those that moved: a move that
-- the law does not know, or whose step somebody else moved at the same time, writes nothing and is not in the answer.
-- Arrays run in parallel; metadata gets the event's name. Old row first, then the new one, as the unique index demands.
create or replace function treadle.transition_steps(
  p_step_ids bigint[],
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
    select m.step_id, m.event, m.metadata, t.id as current_id, coalesce(t.sort_key, 0) as sort_key,
      coalesce(t.to_state, 'pending') as from_state,
      treadle.step_next_state(coalesce(t.to_state, 'pending'), m.event) as to_state
    from unnest(p_step_ids, p_events, p_metadata) as m (step_id, event, metadata)
    left join public.tasker_workflow_step_transitions t
      on t.workflow_step_id = m.step_id and t.most_recent
  ),
  closed as (
    update public.tasker_workflow_step_transitions t
    set most_recent = false, updated_at = p_at
    from moves m
    where t.id = m.current_id and t.most_recent and m.to_state is not null
    returning m.step_id, m.event, m.metadata, m.sort_key, m.from_state, m.to_state
  ),
  lawful as (
    select c.step_id, c.event, c.metadata, c.sort_key, c.from_state, c.to_state
    from closed c
    union all
    select m.step_id, m.event, m.metadata, m.sort_key, m.from_state, m.to_state
    from moves m
    where m.current_id is null and m.to_state is not null
  )
  insert into public.tasker_workflow_step_transitions
    (workflow_step_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
  select l.step_id, l.from_state, l.to_state, jsonb_build_object('event', l.event) || l.metadata,
    l.sort_key + 10, true, p_at, p_at
  from lawful l
  on conflict do nothing -- the first row of a step that somebody else started in the same instant
  returning workflow_step_id;
end
$$;
