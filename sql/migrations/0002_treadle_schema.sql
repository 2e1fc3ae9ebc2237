-- Treadle's own tables. The Rails tables are the truth; everything here is either derived from them and can be rebuilt
-- at any time (ready_steps, gates, step_definitions, step_dependencies), or about processes (workers, claims), or a
-- message on its way (wakeups, changed_tasks). No foreign keys into public: adoption must not lock Rails tables.

-- Tests move this clock; in production the table stays empty and treadle.now() is the clock of the server.
create table treadle.clock (
  shift interval not null
);

-- What the current template of a named task says about each of its steps. Derived from tasker_named_tasks.configuration.
create table treadle.step_definitions (
  named_task_id integer not null,
  named_step_id integer not null,
  ordinal integer not null,
  step_name text not null,
  handler text not null,
  handler_config jsonb not null default '{}',
  timeout_ms integer check (timeout_ms > 0),
  backoff jsonb not null,
  priority integer not null default 0,
  in_template boolean not null default true, -- false: an older text of this version had it; tasks in flight may still
  primary key (named_task_id, named_step_id)
);

create table treadle.step_dependencies (
  named_task_id integer not null,
  named_step_id integer not null,
  depends_on_named_step_id integer not null,
  primary key (named_task_id, named_step_id, depends_on_named_step_id)
);

-- One row per step that can run now, of tasks that are in progress. Claims take from here and only from here.
create table treadle.ready_steps (
  workflow_step_id bigint primary key,
  task_id bigint not null,
  handler text, -- null: no template says who runs it; it waits until one does
  priority integer not null default 0
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index ready_steps_by_handler on treadle.ready_steps (handler, priority desc, workflow_step_id);
create index ready_steps_by_task on treadle.ready_steps (task_id);

-- How many parents are still open, for steps with two or more of them. A counter instead of a question over all parents
-- each time one of them ends: a fan-in of n costs n, not n squared. HOT updates need the free space.
create table treadle.gates (
  workflow_step_id bigint primary key,
  task_id bigint not null,
  open_parents integer not null check (open_parents >= 0)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index gates_by_task on treadle.gates (task_id);

-- Live engine processes. The epoch rises when a process is declared dead, so that its late writes find no claim.
create table treadle.workers (
  worker_id bigint generated always as identity primary key,
  epoch integer not null default 1,
  name text not null,
  handlers text[] not null,
  capacity integer not null check (capacity > 0),
  started_at timestamptz not null,
  heartbeat_at timestamptz not null,
  expires_at timestamptz not null
) with (fillfactor = 50);

-- Which process runs which step, under which epoch. An outcome is recorded only by deleting the claim it belongs to.
create table treadle.claims (
  workflow_step_id bigint primary key,
  task_id bigint not null,
  worker_id bigint not null,
  epoch integer not null,
  claimed_at timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index claims_by_task on treadle.claims (task_id);

-- Tasks that must run again, and when: written in the transaction that decides it, handed to the queue after it, deleted
-- when the task starts. At most one per task, with the earliest instant at which something of it can run. A row that was
-- handed over but is long due says that the queue has lost it: it is handed over again.
create table treadle.wakeups (
  task_id bigint primary key,
  run_at timestamptz not null,
  reason text not null,
  handed_at timestamptz -- null: the queue does not know of it yet
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index wakeups_to_hand_over on treadle.wakeups (run_at) where handed_at is null;
create index wakeups_handed_over on treadle.wakeups (run_at) where handed_at is not null;

-- Tasks that somebody else (a Rails app, a console) wrote transitions of. Append-only until drained: an uncommitted
-- write cannot be missed by a drain that runs at the same time.
create table treadle.changed_tasks (
  changed_task_id bigint generated always as identity primary key,
  task_id bigint not null
);

-- What claim_steps hands to a worker.
create type treadle.claimed_step as (
  workflow_step_id bigint,
  task_id bigint,
  named_task_id integer,
  step_name text,
  handler text,
  attempt integer,
  retry_limit integer,
  retryable boolean,
  inputs jsonb,
  results jsonb,
  handler_config jsonb,
  timeout_ms integer,
  backoff jsonb,
  parent_results jsonb,
  task jsonb
);

-- One outcome on its way into the tables: what record_outcomes will write of it.
create type treadle.outcome as (
  workflow_step_id bigint,
  task_id bigint,
  event text,
  results jsonb,
  metadata jsonb,
  attempts integer,
  backoff_seconds integer
);
