// What runs: tasks, their workflow steps, and the edges between these.
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
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { utcTimestamp } from './utc-timestamp.ts';
import { tasker_named_tasks, tasker_named_steps } from './definitions.ts';

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
