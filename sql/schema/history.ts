// What has happened to tasks and steps: the audit trail, which is their state, and annotations.
import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  serial,
  uniqueIndex,
  varchar,
} from 'drizzle-orm/pg-core';
import { utcTimestamp } from './utc-timestamp.ts';
import { tasker_tasks, tasker_workflow_steps } from './tasks.ts';

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
