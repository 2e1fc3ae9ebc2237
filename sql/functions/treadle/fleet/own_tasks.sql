-- Those of these tasks that Treadle runs: of its own named tasks. Where Treadle was chosen, a task that Rails has started is its own
-- only when Rails has put it back to pending, or ended it: until then a worker of Rails may be at it. (Without a choice
-- Treadle takes what it finds in progress.) Our own rows say with which event they came.
create or replace function treadle.own_tasks(p_task_ids bigint[]) returns setof bigint
language sql stable
set enable_seqscan = off
set enable_material = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  select t.task_id
  from unnest(p_task_ids) as wanted (id)
  join public.tasker_tasks t on t.task_id = wanted.id
  join treadle.own_named_tasks o on o.named_task_id = t.named_task_id
  where not o.chosen
    or not exists (
      select from public.tasker_task_transitions c
      where c.task_id = t.task_id and c.most_recent and c.to_state = 'in_progress'
        and not coalesce(c.metadata ? 'event', false)
      offset 0 -- looked up for each task
    )
  order by t.task_id
$$;
