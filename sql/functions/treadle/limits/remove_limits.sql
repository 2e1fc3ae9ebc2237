-- Ends the limits of a handler or a namespace, of this kind or (null) of both. Returns how many there were. Limits that a
-- template says are changed in the template.
create or replace function treadle.remove_limits(p_scope text, p_subject text, p_kind text default null) returns integer
language plpgsql
as $$
declare
  v_count integer;
begin
  perform treadle.change_limits();
  delete from treadle.limits l
  where l.scope = p_scope and l.subject = p_subject and l.scope in ('namespace', 'handler')
    and (p_kind is null or l.kind = p_kind);
  get diagnostics v_count = row_count;
  perform treadle.sync_limited_handlers();
  return v_count;
end
$$;
