// The 13 tables of the Rails engine as Drizzle tables, for typed queries and for drizzle-kit's views of the database. The
// migrations make the tables; this is their mirror, and a test holds it to the migrated database. Property names are
// column names. Timestamps are UTC without time zone, read and written as Date.
/* oxlint-disable max-lines -- thirteen tables that refer to each other, and nothing else */
import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  pgTable,
  serial,
  timestamp,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';

/** `timestamp without time zone` that holds UTC: Drizzle turns a Date into UTC text, whatever the process's zone is. */
const utcTimestamp = (precision?: 6) => timestamp({ mode: 'date', ...(precision && { precision }) });

/** Namespaces keep task names of different teams apart. Rails seeds no row; 'default' is made on first use. */
export const tasker_task_namespaces = pgTable(
  'tasker_task_namespaces',
  {
    task_namespace_id: serial().primaryKey(),
    name: varchar({ length: 64 }).notNull(),
    description: varchar({ length: 255 }),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    index('task_namespaces_name_index').on(t.name),
    uniqueIndex('task_namespaces_name_unique').on(t.name),
  ],
);

/**
 * One row per template version: namespace, name, version. task_namespace_id is a bigint that refers to an integer, and
 * the default of configuration is the JSON *string* "{}": both are how Rails has it. Treadle always writes an object.
 */
export const tasker_named_tasks = pgTable(
  'tasker_named_tasks',
  {
    named_task_id: serial().primaryKey(),
    name: varchar({ length: 64 }).notNull(),
    description: varchar({ length: 255 }),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
    task_namespace_id: bigint({ mode: 'number' }).notNull().default(1),
    version: varchar({ length: 16 }).notNull().default('0.1.0'),
    configuration: jsonb().default('{}'),
  },
  (t) => [
    foreignKey({
      name: 'fk_rails_16a0297759',
      columns: [t.task_namespace_id],
      foreignColumns: [tasker_task_namespaces.task_namespace_id],
    }),
    index('named_tasks_configuration_gin_index').using('gin', t.configuration),
    index('named_tasks_name_index').on(t.name),
    uniqueIndex('named_tasks_namespace_name_version_unique').on(t.task_namespace_id, t.name, t.version),
    index('named_tasks_task_namespace_id_index').on(t.task_namespace_id),
    index('named_tasks_version_index').on(t.version),
  ],
);

/** The systems that steps talk to. */
export const tasker_dependent_systems = pgTable(
  'tasker_dependent_systems',
  {
    dependent_system_id: serial().primaryKey(),
    name: varchar({ length: 64 }).notNull(),
    description: varchar({ length: 255 }),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    index('dependent_systems_name_index').on(t.name),
    uniqueIndex('dependent_systems_name_unique').on(t.name),
  ],
);

/** Which object of one system is which object of another. */
export const tasker_dependent_system_object_maps = pgTable(
  'tasker_dependent_system_object_maps',
  {
    dependent_system_object_map_id: bigserial({ mode: 'number' }).primaryKey(),
    dependent_system_one_id: integer().notNull(),
    dependent_system_two_id: integer().notNull(),
    remote_id_one: varchar({ length: 128 }).notNull(),
    remote_id_two: varchar({ length: 128 }).notNull(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'dependent_system_object_maps_dependent_system_one_id_foreign',
      columns: [t.dependent_system_one_id],
      foreignColumns: [tasker_dependent_systems.dependent_system_id],
    }),
    foreignKey({
      name: 'dependent_system_object_maps_dependent_system_two_id_foreign',
      columns: [t.dependent_system_two_id],
      foreignColumns: [tasker_dependent_systems.dependent_system_id],
    }),
    uniqueIndex('dependent_system_object_maps_dependent_system_one_id_dependent_').on(
      t.dependent_system_one_id,
      t.dependent_system_two_id,
      t.remote_id_one,
      t.remote_id_two,
    ),
    index('dependent_system_object_maps_dependent_system_one_id_index').on(t.dependent_system_one_id),
    index('dependent_system_object_maps_dependent_system_two_id_index').on(t.dependent_system_two_id),
    index('dependent_system_object_maps_remote_id_one_index').on(t.remote_id_one),
    index('dependent_system_object_maps_remote_id_two_index').on(t.remote_id_two),
  ],
);

/** A step's name, unique within its dependent system. */
export const tasker_named_steps = pgTable(
  'tasker_named_steps',
  {
    named_step_id: serial().primaryKey(),
    dependent_system_id: integer().notNull(),
    name: varchar({ length: 128 }).notNull(),
    description: varchar({ length: 255 }),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'named_steps_dependent_system_id_foreign',
      columns: [t.dependent_system_id],
      foreignColumns: [tasker_dependent_systems.dependent_system_id],
    }),
    uniqueIndex('named_step_by_system_uniq').on(t.dependent_system_id, t.name),
    index('named_steps_dependent_system_id_index').on(t.dependent_system_id),
    index('named_steps_name_index').on(t.name),
  ],
);

/** Which named steps a named task has, with their defaults for retries. */
export const tasker_named_tasks_named_steps = pgTable(
  'tasker_named_tasks_named_steps',
  {
    id: serial().primaryKey(),
    named_task_id: integer().notNull(),
    named_step_id: integer().notNull(),
    skippable: boolean().notNull().default(false),
    default_retryable: boolean().notNull().default(true),
    default_retry_limit: integer().notNull().default(3),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'named_tasks_named_steps_named_step_id_foreign',
      columns: [t.named_step_id],
      foreignColumns: [tasker_named_steps.named_step_id],
    }),
    foreignKey({
      name: 'named_tasks_named_steps_named_task_id_foreign',
      columns: [t.named_task_id],
      foreignColumns: [tasker_named_tasks.named_task_id],
    }),
    index('named_tasks_named_steps_named_step_id_index').on(t.named_step_id),
    index('named_tasks_named_steps_named_task_id_index').on(t.named_task_id),
    uniqueIndex('named_tasks_steps_ids_unique').on(t.named_task_id, t.named_step_id),
  ],
);

/** One run of a named task. It has no status column: the state is the most recent task transition, no row means pending. */
export const tasker_tasks = pgTable(
  'tasker_tasks',
  {
    task_id: bigserial({ mode: 'number' }).primaryKey(),
    named_task_id: integer().notNull(),
    complete: boolean().notNull().default(false),
    requested_at: utcTimestamp().notNull(),
    initiator: varchar({ length: 128 }),
    source_system: varchar({ length: 128 }),
    reason: varchar({ length: 128 }),
    bypass_steps: json(),
    tags: jsonb(),
    context: jsonb(),
    identity_hash: varchar({ length: 128 }).notNull(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'tasks_named_task_id_foreign',
      columns: [t.named_task_id],
      foreignColumns: [tasker_named_tasks.named_task_id],
    }),
    index('idx_tasks_active_operations')
      .on(t.task_id)
      .where(sql`complete = false or complete is null`),
    index('idx_tasks_active_workflow_summary')
      .on(t.task_id, t.complete)
      .where(sql`complete = false or complete is null`),
    index('idx_tasks_completion_status_created').on(t.complete, t.created_at, t.task_id),
    uniqueIndex('index_tasks_on_identity_hash').on(t.identity_hash),
    index('tasks_context_idx').using('gin', t.context),
    index('tasks_context_idx1').using('gin', t.context.op('jsonb_path_ops')),
    index('tasks_identity_hash_index').on(t.identity_hash),
    index('tasks_named_task_id_index').on(t.named_task_id),
    index('tasks_requested_at_index').on(t.requested_at),
    index('tasks_source_system_index').on(t.source_system),
    index('tasks_tags_idx').using('gin', t.tags),
    index('tasks_tags_idx1').using('gin', t.tags.op('jsonb_path_ops')),
  ],
);

/** The steps of a task. Their state is the most recent step transition; these columns hold the flags, attempts and results. */
export const tasker_workflow_steps = pgTable(
  'tasker_workflow_steps',
  {
    workflow_step_id: bigserial({ mode: 'number' }).primaryKey(),
    task_id: bigint({ mode: 'number' }).notNull(),
    named_step_id: integer().notNull(),
    retryable: boolean().notNull().default(true),
    retry_limit: integer().default(3),
    in_process: boolean().notNull().default(false),
    processed: boolean().notNull().default(false),
    processed_at: utcTimestamp(),
    attempts: integer(),
    last_attempted_at: utcTimestamp(),
    backoff_request_seconds: integer(),
    inputs: jsonb(),
    results: jsonb(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
    skippable: boolean().notNull().default(false),
  },
  (t) => [
    foreignKey({
      name: 'workflow_steps_named_step_id_foreign',
      columns: [t.named_step_id],
      foreignColumns: [tasker_named_steps.named_step_id],
    }),
    foreignKey({
      name: 'workflow_steps_task_id_foreign',
      columns: [t.task_id],
      foreignColumns: [tasker_tasks.task_id],
    }),
    index('idx_steps_active_operations')
      .on(t.workflow_step_id, t.task_id)
      .where(sql`processed = false or processed is null`),
    index('idx_workflow_steps_task_grouping_active')
      .on(t.task_id, t.workflow_step_id)
      .where(sql`processed = false or processed is null`),
    index('idx_workflow_steps_task_readiness')
      .on(t.task_id, t.processed, t.workflow_step_id)
      .where(sql`processed = false`),
    index('index_workflow_steps_backoff_timing')
      .on(t.last_attempted_at, t.backoff_request_seconds)
      .where(sql`backoff_request_seconds is not null`),
    index('index_workflow_steps_by_task').on(t.task_id),
    index('index_workflow_steps_processing_status').on(t.task_id, t.processed, t.in_process),
    index('index_workflow_steps_retry_logic').on(t.attempts, t.retry_limit, t.retryable),
    index('index_workflow_steps_retry_status').on(t.attempts, t.retry_limit),
    index('index_workflow_steps_task_and_id').on(t.task_id, t.workflow_step_id),
    index('index_workflow_steps_task_and_step_id').on(t.task_id, t.workflow_step_id),
    index('index_workflow_steps_task_and_step_optimized').on(t.task_id, t.workflow_step_id),
    // with include (workflow_step_id, processed, in_process, attempts, retry_limit), which Drizzle has no words for
    index('index_workflow_steps_task_covering').on(t.task_id),
    index('workflow_steps_last_attempted_at_index').on(t.last_attempted_at),
    index('workflow_steps_named_step_id_index').on(t.named_step_id),
    index('workflow_steps_processed_at_index').on(t.processed_at),
    index('workflow_steps_task_id_index').on(t.task_id),
  ],
);

/** The DAG: from_step_id must be done before to_step_id may run. The name is 'provides' throughout. */
export const tasker_workflow_step_edges = pgTable(
  'tasker_workflow_step_edges',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    from_step_id: bigint({ mode: 'number' }).notNull(),
    to_step_id: bigint({ mode: 'number' }).notNull(),
    name: varchar().notNull(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'fk_rails_7b4652ccf2',
      columns: [t.from_step_id],
      foreignColumns: [tasker_workflow_steps.workflow_step_id],
    }),
    foreignKey({
      name: 'fk_rails_93ec0bf6eb',
      columns: [t.to_step_id],
      foreignColumns: [tasker_workflow_steps.workflow_step_id],
    }),
    index('idx_step_edges_from_to').on(t.from_step_id, t.to_step_id),
    index('idx_step_edges_to_from').on(t.to_step_id, t.from_step_id),
    index('idx_workflow_step_edges_dependency_lookup').on(t.to_step_id, t.from_step_id),
    index('index_step_edges_child_lookup').on(t.to_step_id),
    index('index_step_edges_dependency_pair').on(t.to_step_id, t.from_step_id),
    index('index_step_edges_from_step_for_children').on(t.from_step_id),
    index('index_step_edges_from_to_composite').on(t.from_step_id, t.to_step_id),
    index('index_step_edges_parent_lookup').on(t.from_step_id),
    index('index_step_edges_to_from_composite').on(t.to_step_id, t.from_step_id),
    index('index_step_edges_to_step_for_parents').on(t.to_step_id),
    index('index_tasker_workflow_step_edges_on_from_step_id').on(t.from_step_id),
    index('index_tasker_workflow_step_edges_on_to_step_id').on(t.to_step_id),
    index('index_workflow_step_edges_dependency_lookup').on(t.to_step_id, t.from_step_id),
  ],
);

/** The audit trail and state of tasks: exactly one row per task has most_recent, and it is the one with the highest sort_key. */
export const tasker_task_transitions = pgTable(
  'tasker_task_transitions',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    to_state: varchar().notNull(),
    from_state: varchar(),
    metadata: jsonb().default({}),
    sort_key: integer().notNull(),
    most_recent: boolean().notNull().default(true),
    task_id: bigint({ mode: 'number' }).notNull(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({ name: 'fk_rails_e8caec803c', columns: [t.task_id], foreignColumns: [tasker_tasks.task_id] }),
    index('idx_task_transitions_most_recent')
      .on(t.task_id, t.most_recent)
      .where(sql`most_recent = true`),
    index('index_task_transitions_current_state').on(t.task_id, t.created_at),
    index('index_task_transitions_current_state_optimized')
      .on(t.task_id, t.most_recent)
      .where(sql`most_recent = true`),
    index('index_tasker_task_transitions_on_sort_key').on(t.sort_key),
    index('index_tasker_task_transitions_on_task_id').on(t.task_id),
    uniqueIndex('index_tasker_task_transitions_on_task_id_and_most_recent')
      .on(t.task_id, t.most_recent)
      .where(sql`most_recent = true`),
    uniqueIndex('index_tasker_task_transitions_on_task_id_and_sort_key').on(t.task_id, t.sort_key),
  ],
);

/** The audit trail and state of steps, by the same rule. No step is ever 'failed', so one of the indexes stays empty. */
export const tasker_workflow_step_transitions = pgTable(
  'tasker_workflow_step_transitions',
  {
    id: bigserial({ mode: 'number' }).primaryKey(),
    to_state: varchar().notNull(),
    from_state: varchar(),
    metadata: jsonb().default({}),
    sort_key: integer().notNull(),
    most_recent: boolean().notNull().default(true),
    workflow_step_id: bigint({ mode: 'number' }).notNull(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'fk_rails_6e0f6eb833',
      columns: [t.workflow_step_id],
      foreignColumns: [tasker_workflow_steps.workflow_step_id],
    }),
    uniqueIndex('idx_on_workflow_step_id_most_recent_97d5374ad6')
      .on(t.workflow_step_id, t.most_recent)
      .where(sql`most_recent = true`),
    uniqueIndex('idx_on_workflow_step_id_sort_key_4d476d7adb').on(t.workflow_step_id, t.sort_key),
    index('idx_step_transitions_current_state')
      .on(t.workflow_step_id, t.most_recent, t.to_state)
      .where(sql`most_recent = true`),
    index('idx_step_transitions_most_recent')
      .on(t.workflow_step_id, t.most_recent)
      .where(sql`most_recent = true`),
    index('index_step_transitions_completed')
      .on(t.workflow_step_id, t.to_state)
      .where(sql`to_state = 'complete'`),
    index('index_step_transitions_completed_parents')
      .on(t.workflow_step_id, t.most_recent)
      .where(
        sql`to_state = any (array['complete'::varchar::text, 'resolved_manually'::varchar::text]) and most_recent = true`,
      ),
    index('index_step_transitions_current_errors')
      .on(t.workflow_step_id, t.most_recent, t.created_at)
      .where(sql`to_state = 'error' and most_recent = true`),
    index('index_step_transitions_current_state_optimized')
      .on(t.workflow_step_id, t.most_recent)
      .where(sql`most_recent = true`),
    index('index_step_transitions_failures_with_timing')
      .on(t.workflow_step_id, t.to_state, t.created_at)
      .where(sql`to_state = 'failed'`),
    index('index_step_transitions_for_current_state').on(t.workflow_step_id, t.created_at),
    index('index_tasker_workflow_step_transitions_on_sort_key').on(t.sort_key),
    index('index_tasker_workflow_step_transitions_on_workflow_step_id').on(t.workflow_step_id),
  ],
);

/** Kinds of annotations. */
export const tasker_annotation_types = pgTable(
  'tasker_annotation_types',
  {
    annotation_type_id: serial().primaryKey(),
    name: varchar({ length: 64 }).notNull(),
    description: varchar({ length: 255 }),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    index('annotation_types_name_index').on(t.name),
    uniqueIndex('annotation_types_name_unique').on(t.name),
  ],
);

/** What handlers and people note about a task. */
export const tasker_task_annotations = pgTable(
  'tasker_task_annotations',
  {
    task_annotation_id: bigserial({ mode: 'number' }).primaryKey(),
    task_id: bigint({ mode: 'number' }).notNull(),
    annotation_type_id: integer().notNull(),
    annotation: jsonb(),
    created_at: utcTimestamp(6).notNull(),
    updated_at: utcTimestamp(6).notNull(),
  },
  (t) => [
    foreignKey({
      name: 'task_annotations_annotation_type_id_foreign',
      columns: [t.annotation_type_id],
      foreignColumns: [tasker_annotation_types.annotation_type_id],
    }),
    foreignKey({
      name: 'task_annotations_task_id_foreign',
      columns: [t.task_id],
      foreignColumns: [tasker_tasks.task_id],
    }),
    index('task_annotations_annotation_idx').using('gin', t.annotation),
    index('task_annotations_annotation_idx1').using('gin', t.annotation.op('jsonb_path_ops')),
    index('task_annotations_annotation_type_id_index').on(t.annotation_type_id),
    index('task_annotations_task_id_index').on(t.task_id),
  ],
);
