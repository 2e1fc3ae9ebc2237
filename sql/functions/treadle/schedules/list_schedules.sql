-- Schedules as people see them, by name; all of them without p_name.
create or replace function treadle.list_schedules(p_name text default null)
returns table (
  schedule_id bigint,
  name text,
  state text,
  namespace_name text,
  task_name text,
  version text,
  cron text,
  timezone text,
  missed text,
  backfill_limit integer,
  starts_at timestamptz,
  ends_at timestamptz,
  context jsonb,
  labels jsonb,
  from_template boolean,
  next_at timestamptz,
  last_tick_at timestamptz,
  paused_at timestamptz,
  paused_by text,
  pause_reason text,
  error text,
  created_by text,
  created_at timestamptz
)
language sql stable
as $$
  select s.schedule_id, s.name,
    case
      when s.error is not null then 'error'
      when s.paused_at is not null then 'paused'
      when s.next_at is null then 'ended'
      else 'active'
    end,
    s.namespace_name, s.task_name, s.version, s.cron, s.timezone, s.missed, s.backfill_limit, s.starts_at, s.ends_at,
    s.context, s.labels, s.from_template, s.next_at, s.last_tick_at, s.paused_at, s.paused_by, s.pause_reason, s.error,
    s.created_by, s.created_at
  from treadle.schedules s
  where p_name is null or s.name = p_name
  order by s.name
$$;
