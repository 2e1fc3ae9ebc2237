-- The law of a task: the state that an event leads to, null when the move is unlawful.
-- The same record as core/machines/task.machine.ts; a test walks every pair through both.
create or replace function treadle.task_next_state(p_from_state text, p_event text) returns text
language sql immutable
as $$
  select case p_from_state
    when 'pending' then case p_event
      when 'start' then 'in_progress'
      when 'fail' then 'error'
      when 'cancel' then 'cancelled'
    end
    when 'in_progress' then case p_event
      when 'complete' then 'complete'
      when 'fail' then 'error'
      when 'cancel' then 'cancelled'
      when 'wait' then 'pending'
    end
    when 'error' then case p_event
      when 'retry' then 'pending'
      when 'resolve' then 'resolved_manually'
    end
    when 'complete' then case p_event when 'cancel' then 'cancelled' end
    when 'resolved_manually' then case p_event when 'cancel' then 'cancelled' end
  end
$$;
