-- Rows of others that hang on these tasks by a foreign key which forbids to delete them (no action, restrict): the task, the
-- constraint and its table. A key with `on delete cascade` or `set null` says itself what becomes of its rows.
create or replace function treadle.foreign_references(p_task_ids bigint[])
returns table (task_id bigint, constraint_name text, table_name text)
language plpgsql
as $$
declare
  v_key record;
begin
  for v_key in
    select k.conname as name, k.conrelid::regclass::text as referrer, p.path,
      (
        select string_agg(format('x.%I = r.%I', theirs.attname, ours.attname), ' and ')
        from unnest(k.conkey, k.confkey) as pair (own, other)
        join pg_catalog.pg_attribute ours on ours.attrelid = k.conrelid and ours.attnum = pair.own
        join pg_catalog.pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attnum = pair.other
      ) as matches
    from pg_catalog.pg_constraint k
    join (values
      ('public.tasker_tasks'::regclass, 'x.task_id from public.tasker_tasks x'),
      ('public.tasker_task_transitions', 'x.task_id from public.tasker_task_transitions x'),
      ('public.tasker_task_annotations', 'x.task_id from public.tasker_task_annotations x'),
      ('public.tasker_workflow_steps', 'x.task_id from public.tasker_workflow_steps x'),
      ('public.tasker_workflow_step_transitions',
        's.task_id from public.tasker_workflow_steps s join public.tasker_workflow_step_transitions x using (workflow_step_id)'),
      ('public.tasker_workflow_step_edges',
        's.task_id from public.tasker_workflow_steps s join public.tasker_workflow_step_edges x on x.to_step_id = s.workflow_step_id')
    ) as p (target, path) on p.target = k.confrelid
    where k.contype = 'f'
      and k.confdeltype in ('a', 'r')
      and k.conparentid = 0
      and k.conrelid not in (
        'public.tasker_task_transitions'::regclass, 'public.tasker_task_annotations'::regclass,
        'public.tasker_workflow_steps'::regclass, 'public.tasker_workflow_step_transitions'::regclass,
        'public.tasker_workflow_step_edges'::regclass
      )
    order by k.conname
  loop
    return query execute format(
      'select distinct q.task_id, %L, %L from (select %s where task_id = any ($1) and exists (select from %s r where %s)) q',
      v_key.name, v_key.referrer, v_key.path, v_key.referrer, v_key.matches
    ) using p_task_ids;
  end loop;
end
$$;
