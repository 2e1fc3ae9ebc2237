-- When a step that has attempts left may run, null when there is nothing to wait for. An `error` row of ours carries
-- backoff_until and that instant decides; a foreign one follows the Rails rule: the later of the explicit back-off and
-- 2^attempts seconds (at most 30) after the failure.
create or replace function treadle.step_ready_at(
  p_state text,
  p_state_since timestamp,
  p_metadata jsonb,
  p_attempts integer,
  p_last_attempted_at timestamp,
  p_backoff_request_seconds integer
) returns timestamp
language sql stable
as $$
  select case
    -- by parts, since a cast of what another hand wrote could fail (the 30th of February), and many tasks with it
    when p_state = 'error' and p_metadata ->> 'backoff_until'
        ~ '^[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$'
      then (left(p_metadata ->> 'backoff_until', 7) || '-01')::date
        + (substr(p_metadata ->> 'backoff_until', 9, 2)::integer - 1)
        + rtrim(substr(p_metadata ->> 'backoff_until', 12), 'Z')::time
    else greatest(
      p_last_attempted_at + p_backoff_request_seconds * interval '1 second',
      case when p_state = 'error'
        then p_state_since + least(power(2, least(coalesce(p_attempts, 1), 5)), 30) * interval '1 second'
      end
    )
  end
$$;
