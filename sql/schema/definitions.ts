// What can run: namespaces, named tasks, their named steps and the systems that these talk to.
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
