-- Mixed fleets: which named tasks run in Treadle, and which in the Rails engine; the choice can change while tasks are in flight.

-- What people chose. Subject: a namespace, or namespace/name for all versions of a named task, which goes before its namespace.
-- Nothing chosen: Treadle runs what a template describes.
create table treadle.fleet_choices (
  scope text not null check (scope in ('namespace', 'named_task')),
  subject text not null,
  engine text not null check (engine in ('rails', 'treadle')),
  chosen_by text not null,
  reason text,
  chosen_at timestamptz not null,
  primary key (scope, subject)
);

-- The named tasks that run in Treadle: described by a template, and not chosen to run in Rails. Kept by sync_own_named_tasks. Chosen:
-- somebody chose Treadle for it, and nobody else may start its tasks.
create table treadle.own_named_tasks (
  named_task_id integer primary key,
  chosen boolean not null default false
);

insert into treadle.own_named_tasks (named_task_id)
select distinct d.named_task_id from treadle.step_definitions d;

-- Named tasks that were chosen for another engine, until all of their unfinished tasks have moved. Their tasks are looked at in the
-- order of their ids; after_task_id null: all have been.
create table treadle.moving_named_tasks (
  named_task_id integer primary key,
  engine text not null check (engine in ('rails', 'treadle')),
  after_task_id bigint default 0,
  looked_at timestamptz
);

-- Tasks that move to Rails as soon as their running steps have ended.
create table treadle.moving_tasks (
  task_id bigint primary key,
  named_task_id integer not null
);

create index moving_tasks_by_named_task on treadle.moving_tasks (named_task_id);

-- An outbox: the Rails engine must be told to run this task. Run_at: not before, as far as the queue of Rails can wait.
create table treadle.tasks_for_rails (
  task_id bigint primary key,
  run_at timestamptz not null,
  reason text not null check (reason in ('created', 'handed_over', 'retried'))
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index tasks_for_rails_by_instant on treadle.tasks_for_rails (run_at, task_id);

-- Named task: it moves to Rails, its subject is the id. Only for as long as that takes; resume cannot end it.
alter table treadle.pauses drop constraint pauses_scope_check;
alter table treadle.pauses
  add constraint pauses_scope_check check (scope in ('task', 'namespace', 'handler', 'named_task'));
