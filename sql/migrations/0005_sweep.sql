-- What the sweep for stuck tasks keeps: which tasks have not ended, and how far it has looked.

-- Tasks of ours that may not have ended. Kept by the sweep alone, so that running tasks costs nothing here; one that has
-- ended since stays until the next sweep meets it.
create table treadle.open_tasks (
  task_id bigint primary key
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000);

-- One row. What has an id up to the mark is known for good. A row with a smaller id than one that we see may be committed
-- after it, so the next mark counts only once every transaction below the horizon has ended.
create table treadle.sweeps (
  only_row boolean primary key default true check (only_row),
  swept_at timestamptz,
  task_mark bigint not null default 0,
  transition_mark bigint not null default 0,
  next_task_mark bigint not null default 0,
  next_transition_mark bigint not null default 0,
  horizon xid8 not null default '0',
  horizon_at timestamptz,
  templates_at timestamp, -- the youngest template: a new one may describe tasks that were nobody's business before
  full_pass_at bigint not null default 0 -- where the slow pass over all unfinished tasks goes on
);

insert into treadle.sweeps default values;
