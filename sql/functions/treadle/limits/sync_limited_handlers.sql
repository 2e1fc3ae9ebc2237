-- Brings limited_handlers to what limits and templates say. Handlers whose limits have changed get new lanes with their
-- next claim; so does one without any limit, and is then forgotten. Callers have called change_limits.
create or replace function treadle.sync_limited_handlers() returns void
language plpgsql
as $$
begin
  insert into treadle.limited_handlers as h (handler, limit_ids)
  select coalesce(o.handler, h.handler), coalesce(o.limit_ids, '{}')
  from treadle.limits_of_handlers() o
  full join treadle.limited_handlers h on h.handler = o.handler
  where o.limit_ids is distinct from h.limit_ids and (o.handler is not null or h.limit_ids <> '{}')
  order by 1
  on conflict (handler) do update set limit_ids = excluded.limit_ids, renew = true;
  if found then
    perform pg_notify('treadle', 'ready');
  end if;
end
$$;
