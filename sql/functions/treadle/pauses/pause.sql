-- From the commit on no step of this subject is claimed; running steps go on. Steps that are ready, now or later, are
-- held; p_hold false leaves those of now to hold_ready_steps, in a transaction of its own: the commit of the pause then
-- waits for nothing. What is paused already stays as it is: `done` is false, with who did it and when. Raises what
-- require_pausable raises.
create or replace function treadle.pause(
  p_scope text,
  p_subject text,
  p_by text,
  p_reason text default null,
  p_hold boolean default true
) returns table (done boolean, paused_by text, reason text, paused_at timestamptz, steps integer)
language plpgsql
as $$
#variable_conflict use_column
begin
  perform treadle.require_pausable(p_scope, p_subject);
  perform treadle.operator_metadata(p_by, p_reason);
  insert into treadle.pauses (scope, subject, paused_by, reason, paused_at)
  values (p_scope, p_subject, p_by, p_reason, treadle.now())
  on conflict do nothing;
  done := found;

  steps := case when p_hold then treadle.hold_ready_steps(p_scope, p_subject) else 0 end;
  select p.paused_by, p.reason, p.paused_at
  into paused_by, reason, paused_at
  from treadle.pauses p
  where p.scope = p_scope and p.subject = p_subject;
  return next;
end
$$;
