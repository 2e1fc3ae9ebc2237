-- All limits: what they say, how many steps count in them now (of a rate: have started within the last period), how many
-- ready steps they concern that have not started yet, and of how many keys.
create or replace function treadle.list_limits()
returns table (
  scope text, subject text, kind text, amount integer, per_ms bigint, key text, in_use bigint, waiting bigint, keys bigint
)
language sql volatile
as $$
  with waiting as (
    select l.limit_id, count(*) as steps, count(distinct treadle.limit_key(l.key, t.context)) as keys
    from treadle.ready_steps r
    join public.tasker_workflow_steps s on s.workflow_step_id = r.workflow_step_id
    join public.tasker_tasks t on t.task_id = r.task_id
    join public.tasker_named_tasks nt on nt.named_task_id = t.named_task_id
    join public.tasker_task_namespaces n on n.task_namespace_id = nt.task_namespace_id
    cross join lateral treadle.step_definition(t.named_task_id, s.named_step_id) d
    join treadle.limits l on l.subject = treadle.limit_subject(l.scope, r.handler, n.name, nt.name, d.step_name)
    where exists (select from treadle.limits)
    group by l.limit_id
  )
  select l.scope, l.subject, l.kind, l.amount, (extract(epoch from l.per) * 1000)::bigint, l.key,
    case l.kind
      when 'concurrency' then (
        select count(*)
        from treadle.limit_groups g
        join treadle.limited_claims c on c.group_id = g.group_id
        join treadle.claims k on k.workflow_step_id = c.workflow_step_id and k.claim_id = c.claim_id
        where g.limit_id = l.limit_id
      )
      else (
        select count(*)
        from treadle.limit_groups g
        join treadle.limited_starts s on s.group_id = g.group_id
        where g.limit_id = l.limit_id and s.started_at > treadle.now() - l.per
      )
    end,
    coalesce(w.steps, 0), coalesce(w.keys, 0)
  from treadle.limits l
  left join waiting w on w.limit_id = l.limit_id
  order by l.scope, l.subject, l.kind
$$;
