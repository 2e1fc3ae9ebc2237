-- New tasks of a named task that runs in Rails: it must be told of them.
create or replace function treadle.create_in_rails(p_requests jsonb, p_task_ids bigint[]) returns void
language sql
as $$
  select treadle.give_to_rails(array_agg(t.task_id), array_agg(r.run_at), 'created')
  from treadle.task_requests(p_requests) r
  join public.tasker_tasks t on t.identity_hash = r.identity_hash
  where t.task_id = any (p_task_ids)
$$;
