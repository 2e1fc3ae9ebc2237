-- Writes one limit. A new number counts from the next claim on; with another key it is another limit, which counts anew.
-- Callers have called change_limits, and call sync_limited_handlers.
create or replace function treadle.write_limit(
  p_scope text,
  p_subject text,
  p_kind text,
  p_amount integer,
  p_per interval,
  p_key text
) returns void
language plpgsql
as $$
begin
  delete from treadle.limits l
  where l.scope = p_scope and l.subject = p_subject and l.kind = p_kind and l.key is distinct from p_key;

  insert into treadle.limits as l (scope, subject, kind, amount, per, key, set_at)
  values (p_scope, p_subject, p_kind, p_amount, p_per, p_key, treadle.now())
  on conflict (scope, subject, kind) do update
    set amount = excluded.amount, per = excluded.per, set_at = excluded.set_at
    where (l.amount, l.per) is distinct from (excluded.amount, excluded.per);
  if not found then
    return;
  end if;
  update treadle.full_groups f
  set opens_at = '-infinity'
  from treadle.limits l
  join treadle.limit_groups g on g.limit_id = l.limit_id
  where l.scope = p_scope and l.subject = p_subject and l.kind = p_kind and f.group_id = g.group_id;
  perform pg_notify('treadle', 'ready');
end
$$;
