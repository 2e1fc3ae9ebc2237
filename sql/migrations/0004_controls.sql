-- What operators, deadlines and the death of processes need.

-- A claim has a number of its own: the answer to an earlier claim of the same step by the same worker is not its answer.
alter table treadle.claims add column claim_id bigint generated always as identity;
alter type treadle.claimed_step add attribute claim_id bigint;
-- What complete_step asks for: this claim and no other, in a text whose form is nobody's business.
alter type treadle.claimed_step add attribute claim_token text;

-- This process holds the advisory lock of its worker_id for as long as it lives: when it is free, the process is dead.
-- False where sessions are not its own (a pooler in transaction mode); then only the lease tells.
alter table treadle.workers add column session_lock boolean not null default false;

-- Held: the task, its namespace or its handler is paused. A step stays in the table, so that its task is not taken for idle.
alter table treadle.ready_steps add column held boolean not null default false;
drop index treadle.ready_steps_by_handler;
create index ready_steps_by_handler on treadle.ready_steps (handler, priority desc, workflow_step_id) where not held;
create index ready_steps_held on treadle.ready_steps (task_id) where held;

-- What must not be claimed until somebody resumes it. Subject: a task_id, the name of a namespace, or that of a handler.
create table treadle.pauses (
  scope text not null check (scope in ('task', 'namespace', 'handler')),
  subject text not null,
  paused_by text not null,
  reason text,
  paused_at timestamptz not null,
  primary key (scope, subject)
);

-- What another hand changed: a step (then a task that had failed may go on), or the task itself (then it is left as it is).
alter table treadle.changed_tasks add column of_step boolean not null default false;

-- Until when a task must have ended. Gone with the end of the task.
create table treadle.deadlines (
  task_id bigint primary key,
  deadline_at timestamptz not null
);

create index deadlines_by_instant on treadle.deadlines (deadline_at);

-- What the current template of a named task says about its tasks as a whole; no row when it says nothing.
create table treadle.task_definitions (
  named_task_id integer primary key,
  deadline interval not null
);
