-- For whoever is about to change limits: one at a time, and no claim counts while they change. The same order as claims:
-- the handlers, in the order of their names, before the limits.
create or replace function treadle.change_limits() returns void
language plpgsql
as $$
begin
  perform pg_advisory_xact_lock(hashtext('treadle.limits'));
  perform 1
  from treadle.limited_handlers h
  order by h.handler
  for no key update;
end
$$;
