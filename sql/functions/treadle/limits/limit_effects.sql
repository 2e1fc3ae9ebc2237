-- What each limit does now: how many ready steps it keeps waiting because it has no room for them (those that a claim has
-- looked at), and whether a step of any registered template is concerned at all.
create or replace function treadle.limit_effects()
returns table (
  scope text, subject text, kind text, amount integer, per_ms bigint, key text, held_back bigint, concerns_steps boolean
)
language sql volatile
as $$
  with waiting as (
    select group_id, count(*) as steps
    from treadle.ready_steps r
    join treadle.lanes n on n.lane_id = r.lane_id
    cross join lateral unnest(n.group_ids) as group_id
    where not r.held
    group by group_id
  ),
  held_back as (
    select g.limit_id, sum(w.steps)::bigint as steps
    from waiting w
    join treadle.limit_groups g on g.group_id = w.group_id
    cross join lateral treadle.group_room(g.group_id, 1, treadle.now()) room
    where room.room = 0
    group by g.limit_id
  )
  select l.scope, l.subject, l.kind, l.amount, (extract(epoch from l.per) * 1000)::bigint, l.key,
    coalesce(h.steps, 0),
    exists (
      select from treadle.step_definitions d
      join public.tasker_named_tasks nt on nt.named_task_id = d.named_task_id
      join public.tasker_task_namespaces n on n.task_namespace_id = nt.task_namespace_id
      where l.subject = treadle.limit_subject(l.scope, d.handler, n.name, nt.name, d.step_name)
    )
  from treadle.limits l
  left join held_back h on h.limit_id = l.limit_id
  order by l.scope, l.subject, l.kind
$$;
