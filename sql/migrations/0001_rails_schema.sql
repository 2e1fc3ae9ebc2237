-- The 13 tables of the Rails engine "Tasker" 0.1.0, with every column, default, key and index name that a Rails app
-- relies on. The catalogue test holds this file to sql/rails_catalog.json; several indexes repeat each other because
-- they do so there. All timestamps are UTC without time zone, written by the application. Runs once, also in psql -1.

-- Namespaces keep task names of different teams apart. Rails seeds no row; 'default' is made on first use.
create table public.tasker_task_namespaces (
  task_namespace_id serial primary key,
  name varchar(64) not null,
  description varchar(255),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);
create index task_namespaces_name_index on public.tasker_task_namespaces (name);
create unique index task_namespaces_name_unique on public.tasker_task_namespaces (name);

-- One row per template version: namespace, name, version. task_namespace_id is a bigint that refers to an integer, and
-- the default of configuration is the JSON *string* "{}": both are how Rails has it. Treadle always writes an object.
create table public.tasker_named_tasks (
  named_task_id serial primary key,
  name varchar(64) not null,
  description varchar(255),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  task_namespace_id bigint not null default 1,
  version varchar(16) not null default '0.1.0',
  configuration jsonb default '"{}"',
  constraint fk_rails_16a0297759
    foreign key (task_namespace_id) references public.tasker_task_namespaces (task_namespace_id)
);
create index named_tasks_configuration_gin_index on public.tasker_named_tasks using gin (configuration);
create index named_tasks_name_index on public.tasker_named_tasks (name);
create unique index named_tasks_namespace_name_version_unique
  on public.tasker_named_tasks (task_namespace_id, name, version);
create index named_tasks_task_namespace_id_index on public.tasker_named_tasks (task_namespace_id);
create index named_tasks_version_index on public.tasker_named_tasks (version);

-- The systems that steps talk to.
create table public.tasker_dependent_systems (
  dependent_system_id serial primary key,
  name varchar(64) not null,
  description varchar(255),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);
create index dependent_systems_name_index on public.tasker_dependent_systems (name);
create unique index dependent_systems_name_unique on public.tasker_dependent_systems (name);

-- Which object of one system is which object of another.
create table public.tasker_dependent_system_object_maps (
  dependent_system_object_map_id bigserial primary key,
  dependent_system_one_id integer not null,
  dependent_system_two_id integer not null,
  remote_id_one varchar(128) not null,
  remote_id_two varchar(128) not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint dependent_system_object_maps_dependent_system_one_id_foreign
    foreign key (dependent_system_one_id) references public.tasker_dependent_systems (dependent_system_id),
  constraint dependent_system_object_maps_dependent_system_two_id_foreign
    foreign key (dependent_system_two_id) references public.tasker_dependent_systems (dependent_system_id)
);
create unique index dependent_system_object_maps_dependent_system_one_id_dependent_
  on public.tasker_dependent_system_object_maps (dependent_system_one_id, dependent_system_two_id, remote_id_one, remote_id_two);
create index dependent_system_object_maps_dependent_system_one_id_index
  on public.tasker_dependent_system_object_maps (dependent_system_one_id);
create index dependent_system_object_maps_dependent_system_two_id_index
  on public.tasker_dependent_system_object_maps (dependent_system_two_id);
create index dependent_system_object_maps_remote_id_one_index
  on public.tasker_dependent_system_object_maps (remote_id_one);
create index dependent_system_object_maps_remote_id_two_index
  on public.tasker_dependent_system_object_maps (remote_id_two);

-- A step's name, unique within its dependent system.
create table public.tasker_named_steps (
  named_step_id serial primary key,
  dependent_system_id integer not null,
  name varchar(128) not null,
  description varchar(255),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint named_steps_dependent_system_id_foreign
    foreign key (dependent_system_id) references public.tasker_dependent_systems (dependent_system_id)
);
create unique index named_step_by_system_uniq on public.tasker_named_steps (dependent_system_id, name);
create index named_steps_dependent_system_id_index on public.tasker_named_steps (dependent_system_id);
create index named_steps_name_index on public.tasker_named_steps (name);

-- Which named steps a named task has, with their defaults for retries.
create table public.tasker_named_tasks_named_steps (
  id serial primary key,
  named_task_id integer not null,
  named_step_id integer not null,
  skippable boolean not null default false,
  default_retryable boolean not null default true,
  default_retry_limit integer not null default 3,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint named_tasks_named_steps_named_step_id_foreign
    foreign key (named_step_id) references public.tasker_named_steps (named_step_id),
  constraint named_tasks_named_steps_named_task_id_foreign
    foreign key (named_task_id) references public.tasker_named_tasks (named_task_id)
);
create index named_tasks_named_steps_named_step_id_index
  on public.tasker_named_tasks_named_steps (named_step_id);
create index named_tasks_named_steps_named_task_id_index
  on public.tasker_named_tasks_named_steps (named_task_id);
create unique index named_tasks_steps_ids_unique
  on public.tasker_named_tasks_named_steps (named_task_id, named_step_id);

-- One run of a named task. It has no status column: the state is the most recent task transition, no row means pending.
create table public.tasker_tasks (
  task_id bigserial primary key,
  named_task_id integer not null,
  complete boolean not null default false,
  requested_at timestamp not null,
  initiator varchar(128),
  source_system varchar(128),
  reason varchar(128),
  bypass_steps json,
  tags jsonb,
  context jsonb,
  identity_hash varchar(128) not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint tasks_named_task_id_foreign
    foreign key (named_task_id) references public.tasker_named_tasks (named_task_id)
);
create index idx_tasks_active_operations
  on public.tasker_tasks (task_id)
  where complete = false or complete is null;
create index idx_tasks_active_workflow_summary
  on public.tasker_tasks (task_id, complete)
  where complete = false or complete is null;
create index idx_tasks_completion_status_created on public.tasker_tasks (complete, created_at, task_id);
create unique index index_tasks_on_identity_hash on public.tasker_tasks (identity_hash);
create index tasks_context_idx on public.tasker_tasks using gin (context);
create index tasks_context_idx1 on public.tasker_tasks using gin (context jsonb_path_ops);
create index tasks_identity_hash_index on public.tasker_tasks (identity_hash);
create index tasks_named_task_id_index on public.tasker_tasks (named_task_id);
create index tasks_requested_at_index on public.tasker_tasks (requested_at);
create index tasks_source_system_index on public.tasker_tasks (source_system);
create index tasks_tags_idx on public.tasker_tasks using gin (tags);
create index tasks_tags_idx1 on public.tasker_tasks using gin (tags jsonb_path_ops);

-- The steps of a task. Their state is the most recent step transition; these columns hold the flags, attempts and results.
create table public.tasker_workflow_steps (
  workflow_step_id bigserial primary key,
  task_id bigint not null,
  named_step_id integer not null,
  retryable boolean not null default true,
  retry_limit integer default 3,
  in_process boolean not null default false,
  processed boolean not null default false,
  processed_at timestamp,
  attempts integer,
  last_attempted_at timestamp,
  backoff_request_seconds integer,
  inputs jsonb,
  results jsonb,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  skippable boolean not null default false,
  constraint workflow_steps_named_step_id_foreign
    foreign key (named_step_id) references public.tasker_named_steps (named_step_id),
  constraint workflow_steps_task_id_foreign
    foreign key (task_id) references public.tasker_tasks (task_id)
);
create index idx_steps_active_operations
  on public.tasker_workflow_steps (workflow_step_id, task_id)
  where processed = false or processed is null;
create index idx_workflow_steps_task_grouping_active
  on public.tasker_workflow_steps (task_id, workflow_step_id)
  where processed = false or processed is null;
create index idx_workflow_steps_task_readiness
  on public.tasker_workflow_steps (task_id, processed, workflow_step_id)
  where processed = false;
create index index_workflow_steps_backoff_timing
  on public.tasker_workflow_steps (last_attempted_at, backoff_request_seconds)
  where backoff_request_seconds is not null;
create index index_workflow_steps_by_task on public.tasker_workflow_steps (task_id);
create index index_workflow_steps_processing_status
  on public.tasker_workflow_steps (task_id, processed, in_process);
create index index_workflow_steps_retry_logic
  on public.tasker_workflow_steps (attempts, retry_limit, retryable);
create index index_workflow_steps_retry_status on public.tasker_workflow_steps (attempts, retry_limit);
create index index_workflow_steps_task_and_id on public.tasker_workflow_steps (task_id, workflow_step_id);
create index index_workflow_steps_task_and_step_id
  on public.tasker_workflow_steps (task_id, workflow_step_id);
create index index_workflow_steps_task_and_step_optimized
  on public.tasker_workflow_steps (task_id, workflow_step_id);
create index index_workflow_steps_task_covering
  on public.tasker_workflow_steps (task_id)
  include (workflow_step_id, processed, in_process, attempts, retry_limit);
create index workflow_steps_last_attempted_at_index on public.tasker_workflow_steps (last_attempted_at);
create index workflow_steps_named_step_id_index on public.tasker_workflow_steps (named_step_id);
create index workflow_steps_processed_at_index on public.tasker_workflow_steps (processed_at);
create index workflow_steps_task_id_index on public.tasker_workflow_steps (task_id);

-- The DAG: from_step_id must be done before to_step_id may run. The name is 'provides' throughout.
create table public.tasker_workflow_step_edges (
  id bigserial primary key,
  from_step_id bigint not null,
  to_step_id bigint not null,
  name varchar not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint fk_rails_7b4652ccf2
    foreign key (from_step_id) references public.tasker_workflow_steps (workflow_step_id),
  constraint fk_rails_93ec0bf6eb
    foreign key (to_step_id) references public.tasker_workflow_steps (workflow_step_id)
);
create index idx_step_edges_from_to on public.tasker_workflow_step_edges (from_step_id, to_step_id);
create index idx_step_edges_to_from on public.tasker_workflow_step_edges (to_step_id, from_step_id);
create index idx_workflow_step_edges_dependency_lookup
  on public.tasker_workflow_step_edges (to_step_id, from_step_id);
create index index_step_edges_child_lookup on public.tasker_workflow_step_edges (to_step_id);
create index index_step_edges_dependency_pair on public.tasker_workflow_step_edges (to_step_id, from_step_id);
create index index_step_edges_from_step_for_children on public.tasker_workflow_step_edges (from_step_id);
create index index_step_edges_from_to_composite
  on public.tasker_workflow_step_edges (from_step_id, to_step_id);
create index index_step_edges_parent_lookup on public.tasker_workflow_step_edges (from_step_id);
create index index_step_edges_to_from_composite
  on public.tasker_workflow_step_edges (to_step_id, from_step_id);
create index index_step_edges_to_step_for_parents on public.tasker_workflow_step_edges (to_step_id);
create index index_tasker_workflow_step_edges_on_from_step_id
  on public.tasker_workflow_step_edges (from_step_id);
create index index_tasker_workflow_step_edges_on_to_step_id on public.tasker_workflow_step_edges (to_step_id);
create index index_workflow_step_edges_dependency_lookup
  on public.tasker_workflow_step_edges (to_step_id, from_step_id);

-- The audit trail and state of tasks: exactly one row per task has most_recent, and it is the one with the highest sort_key.
create table public.tasker_task_transitions (
  id bigserial primary key,
  to_state varchar not null,
  from_state varchar,
  metadata jsonb default '{}',
  sort_key integer not null,
  most_recent boolean not null default true,
  task_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint fk_rails_e8caec803c
    foreign key (task_id) references public.tasker_tasks (task_id)
);
create index idx_task_transitions_most_recent
  on public.tasker_task_transitions (task_id, most_recent)
  where most_recent = true;
create index index_task_transitions_current_state on public.tasker_task_transitions (task_id, created_at);
create index index_task_transitions_current_state_optimized
  on public.tasker_task_transitions (task_id, most_recent)
  where most_recent = true;
create index index_tasker_task_transitions_on_sort_key on public.tasker_task_transitions (sort_key);
create index index_tasker_task_transitions_on_task_id on public.tasker_task_transitions (task_id);
create unique index index_tasker_task_transitions_on_task_id_and_most_recent
  on public.tasker_task_transitions (task_id, most_recent)
  where most_recent = true;
create unique index index_tasker_task_transitions_on_task_id_and_sort_key
  on public.tasker_task_transitions (task_id, sort_key);

-- The audit trail and state of steps, by the same rule. No step is ever 'failed', so one of the indexes stays empty.
create table public.tasker_workflow_step_transitions (
  id bigserial primary key,
  to_state varchar not null,
  from_state varchar,
  metadata jsonb default '{}',
  sort_key integer not null,
  most_recent boolean not null default true,
  workflow_step_id bigint not null,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint fk_rails_6e0f6eb833
    foreign key (workflow_step_id) references public.tasker_workflow_steps (workflow_step_id)
);
create unique index idx_on_workflow_step_id_most_recent_97d5374ad6
  on public.tasker_workflow_step_transitions (workflow_step_id, most_recent)
  where most_recent = true;
create unique index idx_on_workflow_step_id_sort_key_4d476d7adb
  on public.tasker_workflow_step_transitions (workflow_step_id, sort_key);
create index idx_step_transitions_current_state
  on public.tasker_workflow_step_transitions (workflow_step_id, most_recent, to_state)
  where most_recent = true;
create index idx_step_transitions_most_recent
  on public.tasker_workflow_step_transitions (workflow_step_id, most_recent)
  where most_recent = true;
create index index_step_transitions_completed
  on public.tasker_workflow_step_transitions (workflow_step_id, to_state)
  where to_state = 'complete';
create index index_step_transitions_completed_parents
  on public.tasker_workflow_step_transitions (workflow_step_id, most_recent)
  where to_state = any (array['complete'::varchar::text, 'resolved_manually'::varchar::text]) and most_recent = true;
create index index_step_transitions_current_errors
  on public.tasker_workflow_step_transitions (workflow_step_id, most_recent, created_at)
  where to_state = 'error' and most_recent = true;
create index index_step_transitions_current_state_optimized
  on public.tasker_workflow_step_transitions (workflow_step_id, most_recent)
  where most_recent = true;
create index index_step_transitions_failures_with_timing
  on public.tasker_workflow_step_transitions (workflow_step_id, to_state, created_at)
  where to_state = 'failed';
create index index_step_transitions_for_current_state
  on public.tasker_workflow_step_transitions (workflow_step_id, created_at);
create index index_tasker_workflow_step_transitions_on_sort_key
  on public.tasker_workflow_step_transitions (sort_key);
create index index_tasker_workflow_step_transitions_on_workflow_step_id
  on public.tasker_workflow_step_transitions (workflow_step_id);

-- Kinds of annotations.
create table public.tasker_annotation_types (
  annotation_type_id serial primary key,
  name varchar(64) not null,
  description varchar(255),
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null
);
create index annotation_types_name_index on public.tasker_annotation_types (name);
create unique index annotation_types_name_unique on public.tasker_annotation_types (name);

-- What handlers and people note about a task.
create table public.tasker_task_annotations (
  task_annotation_id bigserial primary key,
  task_id bigint not null,
  annotation_type_id integer not null,
  annotation jsonb,
  created_at timestamp(6) not null,
  updated_at timestamp(6) not null,
  constraint task_annotations_annotation_type_id_foreign
    foreign key (annotation_type_id) references public.tasker_annotation_types (annotation_type_id),
  constraint task_annotations_task_id_foreign
    foreign key (task_id) references public.tasker_tasks (task_id)
);
create index task_annotations_annotation_idx on public.tasker_task_annotations using gin (annotation);
create index task_annotations_annotation_idx1
  on public.tasker_task_annotations using gin (annotation jsonb_path_ops);
create index task_annotations_annotation_type_id_index on public.tasker_task_annotations (annotation_type_id);
create index task_annotations_task_id_index on public.tasker_task_annotations (task_id);
