-- The only writer of step states. Sends one event each to many steps and returns the ids of those that moved: a move that
-- the law does not know, or whose step somebody else moved at the same time, writes nothing and is not in the answer.
-- Arrays run in parallel; metadata gets the event's name. Old row first, then the new ones, as the unique index demands.
-- p_started_at: an instant, where `start` goes before the event and both rows are written together (a short step); null
-- elsewhere.
-- `on conflict` would look into all unique indexes before every row, for a meeting that is rare: it is an exception here.
-- What it moves is counted in the same statement, as the triggers that count pass over what is written here.
-- The plan is generic and the same for any size: both sides by index, joined by hash. Foreign keys are checked under the
-- settings of this function; with custom plans the check of each row would be planned anew.
create or replace function treadle.transition_steps(
  p_step_ids bigint[],
  p_events text[],
  p_metadata jsonb[],
  p_at timestamp,
  p_started_at timestamp[] default '{}'
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
        select m.step_id, m.event, m.metadata, m.started_at,
          case when m.started_at is null then 'pending' else 'in_progress' end as state_if_new
        from unnest(p_step_ids, p_events, p_metadata, p_started_at) as m (step_id, event, metadata, started_at)
      ),
      current as materialized (
        select t.workflow_step_id as step_id
        from public.tasker_workflow_step_transitions t
        where t.workflow_step_id = any (p_step_ids) and t.most_recent
      ),
      closed as (
        update public.tasker_workflow_step_transitions t
        set most_recent = false, updated_at = p_at
        from moves m
        where t.workflow_step_id = any (p_step_ids)
          and t.most_recent
          and t.workflow_step_id = m.step_id
          and treadle.step_next_state(
            case when m.started_at is null then t.to_state else treadle.step_next_state(t.to_state, 'start') end, m.event
          ) is not null
        returning m.step_id, m.event, m.metadata, m.started_at, t.sort_key, t.to_state as from_state
      ),
      lawful as (
        select c.step_id, c.event, c.metadata, c.started_at, c.sort_key, c.from_state
        from closed c
        union all
        select m.step_id, m.event, m.metadata, m.started_at, 0, 'pending'
        from moves m
        where treadle.step_next_state(m.state_if_new, m.event) is not null
          and not exists (select from current c where c.step_id = m.step_id)
      ),
      written as (
        insert into public.tasker_workflow_step_transitions
          (workflow_step_id, from_state, to_state, metadata, sort_key, most_recent, created_at, updated_at)
        select l.step_id, l.from_state, 'in_progress',
          jsonb_build_object(
            'event', 'start', 'attempt_number', l.metadata -> 'attempt_number', 'worker_id', l.metadata -> 'worker_id',
            'triggered_by', 'treadle'
          ),
          l.sort_key + 10, false, l.started_at, p_at
        from lawful l
        where l.started_at is not null
        union all
        select l.step_id, f.from_state, treadle.step_next_state(f.from_state, l.event),
          jsonb_build_object('event', l.event) || l.metadata,
          l.sort_key + case when l.started_at is null then 10 else 20 end, true, p_at, p_at
        from lawful l
        cross join lateral (select case when l.started_at is null then l.from_state else 'in_progress' end as from_state) f
        returning workflow_step_id, to_state, most_recent
      ),
      counted as (
        insert into treadle.state_count_changes (kind, state, change)
        select 'step', n.state, sum(n.change)
        from (
          select w.to_state as state, 1 as change from written w where w.most_recent
          union all
          select c.from_state, -1 from closed c
        ) n
        group by n.state
      )
      select array_agg(w.workflow_step_id) filter (where w.most_recent) into v_moved from written w;
      return query select unnest(v_moved);
      return;
    exception
      when unique_violation then
        null; -- somebody else moved one of the steps in the same instant: look again at what it is now
    end;
  end loop;
  raise exception 'somebody else moved a step in the same instant' using errcode = 'serialization_failure';
end
$$;
