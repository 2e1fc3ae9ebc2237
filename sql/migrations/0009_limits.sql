-- Limits: how many steps of one kind may run at once, and how many may start within a time. All of it but the limits
-- themselves can be rebuilt; a limit that a template says comes back with the next registration of the template.

-- One limit. Subject: the name of a namespace or a handler, namespace/task, or namespace/task/step. Those of tasks and
-- steps come from templates. A limit with a key counts for each value of the key apart.
create table treadle.limits (
  limit_id integer generated always as identity primary key,
  scope text not null check (scope in ('namespace', 'handler', 'task', 'step')),
  subject text not null,
  kind text not null check (kind in ('concurrency', 'rate')),
  amount integer not null check (amount > 0),
  per interval check (per > interval '0'),
  key text,
  set_at timestamptz not null,
  unique (scope, subject, kind),
  check ((kind = 'rate') = (per is not null))
);

-- The handlers whose steps some limit concerns: they are claimed through lanes and never handed over. Its row is the lock
-- under which lanes of the handler change. Renew: the limits have become others, and the lanes must be laid anew.
create table treadle.limited_handlers (
  handler text primary key,
  limit_ids integer[] not null,
  renew boolean not null default true
) with (fillfactor = 50);

-- What is counted together: a limit and a value of its key. Starts: how many were counted, the number of the latest.
create table treadle.limit_groups (
  group_id bigint generated always as identity primary key,
  limit_id integer not null,
  key text not null,
  starts bigint not null default 0,
  used_at timestamptz not null,
  unique (limit_id, key)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index limit_groups_by_use on treadle.limit_groups (used_at);

-- The latest starts of a group whose limit is a rate, by their numbers; as many as the limit allows at once are kept.
create table treadle.limited_starts (
  group_id bigint not null,
  number bigint not null,
  started_at timestamptz not null,
  primary key (group_id, number)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

-- Which claims count in a group. A row counts only as long as its claim exists, so that nobody has to give a slot back.
create table treadle.limited_claims (
  group_id bigint not null,
  claim_id bigint not null,
  workflow_step_id bigint not null,
  primary key (group_id, claim_id)
) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index limited_claims_by_claim on treadle.limited_claims (claim_id);

-- Ready steps of one handler that are counted in the same groups: what keeps one of them waiting keeps all of them. Lanes
-- take turns. Waits_for: the group that had no room when the lane was last looked at.
create table treadle.lanes (
  lane_id bigint generated always as identity primary key,
  handler text not null,
  priority integer not null,
  group_ids bigint[] not null,
  waits_for bigint,
  served_at timestamptz not null,
  unique (group_ids, handler, priority) -- in this order: it must not look fit for anything but that
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index lanes_open on treadle.lanes (handler, priority desc, served_at, lane_id) where waits_for is null;
create index lanes_waiting on treadle.lanes (handler, waits_for, priority desc, served_at, lane_id)
  where waits_for is not null;

-- Groups without room for which lanes of a handler wait, and when to look at them again: -infinity is always (a slot may
-- come free at any time), else the instant at which a rate allows the next start.
create table treadle.full_groups (
  group_id bigint not null,
  handler text not null,
  opens_at timestamptz not null,
  primary key (group_id, handler)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

create index full_groups_by_instant on treadle.full_groups (handler, opens_at);

-- Null: no limit concerns the step, or no claim has looked at it yet. A held step has no lane.
alter table treadle.ready_steps add column lane_id bigint;
drop index treadle.ready_steps_by_handler;
create index ready_steps_by_handler on treadle.ready_steps (handler, priority desc, workflow_step_id)
  where not held and lane_id is null;
create index ready_steps_by_lane on treadle.ready_steps (lane_id, workflow_step_id) where not held and lane_id is not null;
