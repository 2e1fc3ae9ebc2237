-- Tasks as the REST API of the Rails engine shows them, with their steps and annotations, in the order of the ids.
create or replace function treadle.rest_tasks(p_task_ids bigint[])
returns table (task_id bigint, document json)
language sql
stable
as $$
  with steps as materialized (
    select r.task_id, json_agg(r.document order by r.workflow_step_id) as documents
    from treadle.rest_steps(
      array(select s.workflow_step_id from public.tasker_workflow_steps s where s.task_id = any (p_task_ids))
    ) r
    group by r.task_id
  )
  select t.task_id, json_build_object(
    'task_id', t.task_id,
    'name', n.name,
    'namespace', s.name,
    'version', n.version,
    'full_name', s.name || '.' || n.name || '@' || n.version,
    'initiator', t.initiator,
    'source_system', t.source_system,
    'context', t.context,
    'reason', t.reason,
    'bypass_steps', t.bypass_steps,
    'tags', t.tags,
    'requested_at', treadle.rest_time(t.requested_at),
    'complete', t.complete,
    'status', coalesce(c.to_state, 'pending'),
    'workflow_steps', coalesce(w.documents, '[]'),
    'task_annotations', (
      select coalesce(json_agg(
        json_build_object(
          'task_id', a.task_id,
          'task_annotation_id', a.task_annotation_id,
          'annotation', a.annotation,
          'annotation_type_name', y.name
        )
        order by a.task_annotation_id
      ), '[]')
      from public.tasker_task_annotations a
      join public.tasker_annotation_types y on y.annotation_type_id = a.annotation_type_id
      where a.task_id = t.task_id
    )
  )
  from unnest(p_task_ids) with ordinality as wanted (task_id, position)
  join public.tasker_tasks t on t.task_id = wanted.task_id
  join public.tasker_named_tasks n on n.named_task_id = t.named_task_id
  join public.tasker_task_namespaces s on s.task_namespace_id = n.task_namespace_id
  left join public.tasker_task_transitions c on c.task_id = t.task_id and c.most_recent
  left join steps w on w.task_id = t.task_id
  order by wanted.position
$$;
