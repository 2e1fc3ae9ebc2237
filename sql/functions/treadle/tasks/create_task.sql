-- Creates one task from plain SQL, in the caller's transaction: it commits or vanishes with it, its queue job included.
-- Without a version the latest (by number, not by text) is taken. An identity key that exists returns the existing task.
-- The context must be a non-empty object; the template's JSON Schema is checked only by the engine's createTask.
-- Raises what create_tasks raises, and TR005 when no such template is registered.
create or replace function treadle.create_task(
  p_namespace text,
  p_name text,
  p_context jsonb,
  p_version text default null,
  p_identity_key text default null,
  p_initiator text default 'unknown',
  p_source_system text default 'sql',
  p_reason text default 'unknown',
  p_tags jsonb default '[]',
  p_bypass_steps text[] default '{}',
  p_run_at timestamptz default null,
  p_deadline_at timestamptz default null
) returns bigint
language plpgsql
as $$
declare
  v_named_task_id integer := treadle.find_named_task(p_namespace, p_name, p_version);
begin
  if v_named_task_id is null then
    raise exception 'no template is registered for %/%', p_namespace, p_name || coalesce('@' || p_version, '')
      using errcode = 'TR005';
  end if;
  return (
    select c.task_id
    from treadle.create_tasks(v_named_task_id, jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'identity_hash', coalesce(p_identity_key, gen_random_uuid()::text), 'initiator', p_initiator,
      'source_system', p_source_system, 'reason', p_reason, 'tags', p_tags, 'bypass_steps', to_jsonb(p_bypass_steps),
      'run_at', p_run_at, 'deadline_at', p_deadline_at
    )) || jsonb_build_object('context', p_context))) c
  );
end
$$;
