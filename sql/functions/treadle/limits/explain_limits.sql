-- Which limits keep a ready step waiting, in words: all that have no room for it now. Null when none does. Another step may
-- still come first: lanes take turns.
create or replace function treadle.explain_limits(p_step_id bigint) returns text
language sql volatile
as $$
  select string_agg(
    case l.kind
      when 'concurrency' then 'waits for a slot of concurrency ' || l.amount
      else 'waits for the rate of ' || l.amount || ' in ' || extract(epoch from l.per)::double precision || ' s'
    end
      || ' of ' || l.scope || ' ' || l.subject
      || case when l.key is null then '' else ', key ' || coalesce(nullif(g.key, ''), '(empty)') end
      || case when l.kind = 'rate' then
        ', the next may start at ' || to_char(room.opens_at at time zone 'UTC', 'HH24:MI:SS') || ' UTC'
      else '' end,
    '; ' order by l.scope, l.subject, l.kind
  )
  from treadle.ready_steps r
  join treadle.lanes n on n.lane_id = r.lane_id
  join treadle.limit_groups g on g.group_id = any (n.group_ids)
  join treadle.limits l on l.limit_id = g.limit_id
  cross join lateral treadle.group_room(g.group_id, 1, treadle.now()) room
  where r.workflow_step_id = p_step_id and room.room = 0
$$;
