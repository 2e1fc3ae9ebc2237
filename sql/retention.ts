// Removing finished tasks: one TypeScript function per SQL function, and the walk through all of them in batches.
import type { State } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';

/** The states whose tasks go unless others are asked for: what failed stays until somebody has looked at it. */
export const PRUNED_STATES = [
  'complete',
  'cancelled',
  'resolved_manually',
] as const satisfies readonly State[];

/** Which tasks may go. */
export interface RetentionRule {
  /** Seconds that must have passed since a task ended. */
  readonly olderThanSeconds: number;
  /** Default: PRUNED_STATES. `pending` and `in_progress` are no ends. */
  readonly states?: readonly State[];
  /** Only tasks of this namespace. */
  readonly namespace?: string | undefined;
}

/** What would go, by template. */
export interface PrunableTasks {
  readonly template: string;
  readonly tasks: number;
  readonly steps: number;
  /** Of the Rails tables, tasks and steps included. */
  readonly row_count: number;
}

/** Tasks that stay because a row of this table refers to them by this foreign key. */
export interface KeptTasks {
  readonly constraint: string;
  readonly table: string;
  readonly tasks: number;
}

export interface PrunedBatch {
  readonly tasks: number;
  readonly steps: number;
  readonly row_count: number;
  readonly kept: readonly KeptTasks[];
}

export async function countPrunable(db: Executor, rule: RetentionRule): Promise<PrunableTasks[]> {
  return db.query<PrunableTasks>('select * from treadle.count_prunable($1, make_interval(secs => $2), $3)', [
    statesOf(rule),
    rule.olderThanSeconds,
    rule.namespace ?? null,
  ]);
}

/** Removes what the rule says, a transaction for each batch. Whoever stops asking stops it; what is done is done. */
export async function* pruneTasks(
  db: Executor,
  rule: RetentionRule,
  batchSize: number,
): AsyncGenerator<PrunedBatch> {
  for (const complete of [true, false]) {
    let after: Place | undefined = { last_created_at: '-infinity', last_task_id: 0 };
    while (after) {
      // oxlint-disable-next-line no-await-in-loop -- the next batch begins where this one ends
      const batch: PrunedBatch & Place = await pruneBatch(db, rule, { complete, after, batchSize });
      after = batch.last_task_id === null ? undefined : batch;
      if (after) yield batch;
    }
  }
}

/** The last task that was looked at. */
interface Place {
  readonly last_created_at: string | null;
  readonly last_task_id: number | null;
}

async function pruneBatch(
  db: Executor,
  rule: RetentionRule,
  { complete, after, batchSize }: { complete: boolean; after: Place; batchSize: number },
): Promise<PrunedBatch & Place> {
  const [row] = await db.query<PrunedBatch & Place>(
    `select tasks, steps, row_count, kept, last_created_at::text, last_task_id -- a Date would lose its microseconds
     from treadle.prune_tasks($1, make_interval(secs => $2), $3, $4, $5, $6, $7)`,
    [
      statesOf(rule),
      rule.olderThanSeconds,
      rule.namespace ?? null,
      complete,
      after.last_created_at,
      after.last_task_id,
      batchSize,
    ],
  );
  if (!row) throw new Error('treadle.prune_tasks returned no row');
  return row;
}

function statesOf({ states = PRUNED_STATES }: RetentionRule): readonly State[] {
  return states.filter((state) => state !== 'pending' && state !== 'in_progress');
}
