-- When tasks begin by themselves.

-- One row for each schedule: what to create, and when. `next_at` is computed by the engines (time zones are theirs to know);
-- the clock of Postgres says when it has come. Rare writes: one for each tick.
create table treadle.schedules (
  schedule_id bigint generated always as identity primary key,
  name text not null unique,
  namespace_name text not null,
  task_name text not null,
  version text, -- null: the latest at each tick
  cron text not null,
  timezone text not null,
  missed text not null check (missed in ('skip', 'once', 'backfill')),
  backfill_limit integer not null check (backfill_limit > 0),
  starts_at timestamptz,
  ends_at timestamptz,
  context jsonb not null,
  labels jsonb not null default '{}', -- initiator, tags and so on of its tasks
  from_template boolean not null default false,
  next_at timestamptz, -- null: it has ended
  last_tick_at timestamptz,
  recent_task_ids bigint[] not null default '{}',
  paused_at timestamptz,
  paused_by text,
  pause_reason text,
  error text, -- why it was paused when nobody asked for it
  created_by text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index schedules_by_next on treadle.schedules (next_at) where paused_at is null and next_at is not null;
create index schedules_by_template on treadle.schedules (namespace_name, task_name) where from_template;
