-- The limits that templates of this task (namespace/task) have said so far.
create or replace function treadle.limits_said_of(p_subject text)
returns table (scope text, subject text, kind text, amount integer, per interval, key text)
language sql stable
as $$
  select l.scope, l.subject, l.kind, l.amount, l.per, l.key
  from treadle.limits l
  where l.scope = 'task' and l.subject = p_subject
    or l.scope = 'step' and starts_with(l.subject, p_subject || '/')
$$;
