-- What should have moved by now and has not, one row per kind of trouble with how many and one example. Looks at the
-- p_limit oldest unfinished tasks. Kinds: lost_claims (steps of workers whose lease ended p_patience ago), idle_tasks
-- (unmoved for p_patience, and by the rule of the sweep nothing would ever move them), no_handler (ready steps that no
-- template gives a handler), late_wakeups (due for p_patience and not handed to a queue).
create or replace function treadle.stuck_work(p_patience interval, p_limit integer)
returns table (kind text, total bigint, example_task_id bigint)
language plpgsql volatile
as $$
declare
  v_now timestamptz := treadle.now();
begin
  return query
  with unfinished as (
    select t.task_id
    from public.tasker_tasks t
    left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
    where t.complete = false
      and coalesce(c.to_state, 'pending') in ('pending', 'in_progress')
      and coalesce(c.created_at, t.created_at) < (v_now - p_patience) at time zone 'UTC'
      and exists (select from treadle.own_tasks(array[t.task_id]))
    order by t.task_id
    limit p_limit
  ),
  idle as (
    select i.task_id
    from treadle.task_troubles(array(select u.task_id from unfinished u), p_patience) i
    where i.trouble <> 'overdue' -- one of late_wakeups
  ),
  troubles as (
    select 'lost_claims' as kind, k.task_id
    from treadle.claims k
    left join treadle.workers w on w.worker_id = k.worker_id and w.epoch = k.epoch
    where w.worker_id is null or w.expires_at < v_now - p_patience
    union all
    select 'idle_tasks', i.task_id from idle i
    union all
    select 'no_handler', r.task_id from treadle.ready_steps r where r.handler is null
    union all
    select 'late_wakeups', w.task_id from treadle.wakeups w where w.run_at < v_now - p_patience
  )
  select t.kind, count(*), min(t.task_id)
  from troubles t
  group by t.kind
  order by t.kind;
end
$$;
