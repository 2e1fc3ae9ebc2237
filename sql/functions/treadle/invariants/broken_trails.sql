-- Violations in the audit trail: see check_invariants. Exactly one most recent row, which has the highest sort_key; known states;
-- metadata that is an object; and, of rows of ours, a from_state that follows and a move that the state machines know.
create or replace function treadle.broken_trails(p_task_ids bigint[])
returns table (invariant text, subject text, subject_id bigint, task_id bigint, violation text)
language sql
stable
as $$
  with moves as (
    select 'step' as subject, t.workflow_step_id as id, s.task_id, t.from_state, t.to_state, t.most_recent, t.metadata,
      lag(t.to_state, 1, 'pending') over w as before, lead(t.sort_key) over w is null as newest
    from public.tasker_workflow_step_transitions t
    join public.tasker_workflow_steps s on s.workflow_step_id = t.workflow_step_id
    where p_task_ids is null or s.task_id = any (p_task_ids)
    window w as (partition by t.workflow_step_id order by t.sort_key)
    union all
    select 'task', t.task_id, t.task_id, t.from_state, t.to_state, t.most_recent, t.metadata,
      lag(t.to_state, 1, 'pending') over w, lead(t.sort_key) over w is null
    from public.tasker_task_transitions t
    where p_task_ids is null or t.task_id = any (p_task_ids)
    window w as (partition by t.task_id order by t.sort_key)
  ),
  ours as (
    select m.*, m.metadata ->> 'event' as event,
      case m.subject
        when 'step' then treadle.step_next_state(m.before, m.metadata ->> 'event')
        else treadle.task_next_state(m.before, m.metadata ->> 'event')
      end as lawful
    from moves m
    where m.metadata ? 'event'
  )
  select 'trail_order', m.subject, m.id, m.task_id, 'the most recent row must be the one with the highest sort_key'
  from moves m
  where m.most_recent <> m.newest
  union all
  select 'known_states', m.subject, m.id, m.task_id, m.to_state || ' is no state of a ' || m.subject
  from moves m
  where m.to_state not in ('pending', 'in_progress', 'complete', 'error', 'cancelled', 'resolved_manually')
  union all
  select 'metadata_object', m.subject, m.id, m.task_id, 'metadata must be an object'
  from moves m
  where jsonb_typeof(m.metadata) is distinct from 'object'
  union all
  select 'trail_chain', o.subject, o.id, o.task_id, 'from_state ' || coalesce(o.from_state, 'null') || ' after ' || o.before
  from ours o
  where o.from_state is distinct from o.before
  union all
  select 'lawful_moves', o.subject, o.id, o.task_id, o.before || ' -> ' || o.to_state || ' is no move of the event ' || o.event
  from ours o
  where o.to_state is distinct from o.lawful
$$;
