// The indexes of the Rails schema that a database can do without, and why; docs/decisions/0008-indexes.md has the evidence.
// Everything else stays: primary keys, unique indexes, what foreign keys look along when rows are deleted, what any
// query of the Rails engine or of ours is fast by, and whatever an app has made.
import type { Catalog } from './catalog.ts';

export const REASONS = ['duplicate', 'prefix', 'unused', 'empty'] as const;
export type Reason = (typeof REASONS)[number];

export interface Dispensable {
  /**
   * `duplicate`: the same columns and rows as `instead`. `prefix`: its columns begin those of `instead`, over the same rows.
   * `unused`: no query of either engine looks for what it could find. `empty`: no row ever matches its condition.
   */
  readonly reason: Reason;
  /**
   * The index that answers instead. For an unused one: it begins with the same column, and whoever looks by that finds as much
   * there, so that scans of this one prove no need. Without it, any scan proves that somebody does use the index.
   */
  readonly instead?: string;
}

const duplicate = (instead: string, names: readonly string[]): [string, Dispensable][] =>
  names.map((name) => [name, { reason: 'duplicate', instead }]);
const prefix = (instead: string, names: readonly string[]): [string, Dispensable][] =>
  names.map((name) => [name, { reason: 'prefix', instead }]);
const covered = (instead: string, names: readonly string[]): [string, Dispensable][] =>
  names.map((name) => [name, { reason: 'unused', instead }]);
const unused = (names: readonly string[]): [string, Dispensable][] =>
  names.map((name) => [name, { reason: 'unused' }]);

/** By name, the ones that others lean on first: what `instead` of another says is judged before it. */
export const DISPENSABLE: ReadonlyMap<string, Dispensable> = new Map<string, Dispensable>([
  ...duplicate('index_tasks_on_identity_hash', ['tasks_identity_hash_index']),
  ...prefix('idx_tasks_active_workflow_summary', ['idx_tasks_active_operations']),
  ...unused(['tasks_context_idx', 'tasks_context_idx1', 'tasks_tags_idx', 'tasks_tags_idx1']),

  ...duplicate('index_workflow_steps_task_and_id', [
    'index_workflow_steps_task_and_step_id',
    'index_workflow_steps_task_and_step_optimized',
  ]),
  ...prefix('index_workflow_steps_task_and_id', [
    'index_workflow_steps_by_task',
    'workflow_steps_task_id_index',
  ]),
  ...covered('index_workflow_steps_task_and_id', [
    'index_workflow_steps_processing_status',
    'index_workflow_steps_task_covering',
  ]),
  ...unused([
    'idx_steps_active_operations',
    'idx_workflow_steps_task_grouping_active',
    'idx_workflow_steps_task_readiness',
    'index_workflow_steps_backoff_timing',
    'index_workflow_steps_retry_logic',
    'workflow_steps_last_attempted_at_index',
    'workflow_steps_processed_at_index',
  ]),
  ...prefix('index_workflow_steps_retry_logic', ['index_workflow_steps_retry_status']),

  ...duplicate('idx_step_edges_to_from', [
    'idx_workflow_step_edges_dependency_lookup',
    'index_step_edges_dependency_pair',
    'index_step_edges_to_from_composite',
    'index_workflow_step_edges_dependency_lookup',
  ]),
  ...prefix('idx_step_edges_to_from', [
    'index_step_edges_child_lookup',
    'index_step_edges_to_step_for_parents',
    'index_tasker_workflow_step_edges_on_to_step_id',
  ]),
  ...duplicate('idx_step_edges_from_to', ['index_step_edges_from_to_composite']),
  ...prefix('idx_step_edges_from_to', [
    'index_step_edges_from_step_for_children',
    'index_step_edges_parent_lookup',
    'index_tasker_workflow_step_edges_on_from_step_id',
  ]),

  ...duplicate('index_tasker_task_transitions_on_task_id_and_most_recent', [
    'idx_task_transitions_most_recent',
    'index_task_transitions_current_state_optimized',
  ]),
  ...prefix('index_tasker_task_transitions_on_task_id_and_sort_key', [
    'index_tasker_task_transitions_on_task_id',
  ]),
  ...covered('index_tasker_task_transitions_on_task_id_and_sort_key', [
    'index_task_transitions_current_state',
  ]),

  ...duplicate('idx_on_workflow_step_id_most_recent_97d5374ad6', [
    'idx_step_transitions_most_recent',
    'index_step_transitions_current_state_optimized',
  ]),
  ...prefix('idx_on_workflow_step_id_sort_key_4d476d7adb', [
    'index_tasker_workflow_step_transitions_on_workflow_step_id',
  ]),
  ...covered('idx_on_workflow_step_id_sort_key_4d476d7adb', [
    'index_step_transitions_completed',
    'index_step_transitions_for_current_state',
  ]),
  ...covered('idx_on_workflow_step_id_most_recent_97d5374ad6', ['index_step_transitions_completed_parents']),
  ['index_step_transitions_failures_with_timing', { reason: 'empty' }],

  ...unused(['task_annotations_annotation_idx', 'task_annotations_annotation_idx1']),
]);

/**
 * What to hold `actual` to: all of `expected` but the dispensable indexes that are not there. A database may have been tuned in an
 * earlier life, of which a dump of the schema `public` says nothing.
 */
export function withoutDispensed(expected: Catalog, actual: Catalog): Catalog {
  const tables = Object.entries(expected.tables).map(([name, table]) => {
    const there = new Set(actual.tables[name]?.indexes.map((index) => index.name));
    const indexes = table.indexes.filter((index) => there.has(index.name) || !DISPENSABLE.has(index.name));
    return [name, { ...table, indexes }] as const;
  });
  return { ...expected, tables: Object.fromEntries(tables) };
}
