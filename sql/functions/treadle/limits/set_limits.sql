-- Limits the steps of a handler or a namespace from the commit on: how many run at once (p_concurrency), how many start
-- within p_per (p_rate); null leaves that kind as it is. What runs now is counted, and goes on. Raises TR007 for another
-- scope, a handler that no template names, a namespace that there is not, and numbers below 1.
create or replace function treadle.set_limits(
  p_scope text,
  p_subject text,
  p_concurrency integer,
  p_rate integer,
  p_per interval
) returns void
language plpgsql
as $$
begin
  if p_scope is null or p_scope not in ('namespace', 'handler') then
    raise exception 'expected the scope namespace or handler, got "%"', p_scope using errcode = 'TR007';
  elsif least(p_concurrency, p_rate) < 1 or (p_rate is null) <> (p_per is null) or p_per <= interval '0' then
    raise exception 'expected limits above 0, and a time for a rate' using errcode = 'TR007';
  end if;
  perform treadle.require_pausable(p_scope, p_subject);
  perform treadle.change_limits();
  if p_concurrency is not null then
    perform treadle.write_limit(p_scope, p_subject, 'concurrency', p_concurrency, null, null);
  end if;
  if p_rate is not null then
    perform treadle.write_limit(p_scope, p_subject, 'rate', p_rate, p_per, null);
  end if;
  perform treadle.sync_limited_handlers();
end
$$;
