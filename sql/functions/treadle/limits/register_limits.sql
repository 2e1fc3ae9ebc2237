-- Brings the limits of a template, and of the steps that it names, to what its latest version says: they hold for the
-- tasks of all versions, which share what is limited. An unchanged template changes nothing and waits for nobody.
create or replace function treadle.register_limits(p_named_task_id integer, p_template jsonb) returns void
language plpgsql
as $$
declare
  v_subject text := treadle.limit_subject(
    'task', null, p_template ->> 'namespace_name', p_template ->> 'name', null
  );
  v_limit record;
begin
  if treadle.find_named_task(p_template ->> 'namespace_name', p_template ->> 'name') is distinct from p_named_task_id then
    return;
  end if;
  if not exists (select from treadle.template_limits(p_template))
    and not exists (select from treadle.limits)
    and not exists (select from treadle.limited_handlers) then
    return;
  end if;
  if exists (select * from treadle.template_limits(p_template) except select * from treadle.limits_said_of(v_subject))
    or exists (select * from treadle.limits_said_of(v_subject) except select * from treadle.template_limits(p_template))
    or exists (
      select from treadle.limits_of_handlers() o
      full join treadle.limited_handlers h on h.handler = o.handler
      where coalesce(o.limit_ids, '{}') is distinct from h.limit_ids
    )
  then
    perform treadle.change_limits();
    delete from treadle.limits l
    where (l.scope, l.subject, l.kind) in (select o.scope, o.subject, o.kind from treadle.limits_said_of(v_subject) o)
      and (l.scope, l.subject, l.kind) not in (
        select n.scope, n.subject, n.kind from treadle.template_limits(p_template) n
      );
    for v_limit in select * from treadle.template_limits(p_template) loop
      perform treadle.write_limit(
        v_limit.scope, v_limit.subject, v_limit.kind, v_limit.amount, v_limit.per, v_limit.key
      );
    end loop;
    perform treadle.sync_limited_handlers();
  end if;
end
$$;
