// How long the view and the functions take here, asked once or twice each: of the newest task and step, or of the whole database.
import { TreadleError } from '../../core/errors.ts';
import type { Database } from '../database.ts';

export interface Sample {
  /** Null: no answer came within `PATIENCE_MS`, or none at all. */
  readonly ms: number | null;
  /** What Postgres said instead of an answer. */
  readonly error: string | null;
}

export const PATIENCE_MS = 10_000;
/** What takes longer is not asked twice. */
const QUICK_MS = 100;

const NEWEST_TASK = '(select max(task_id) from public.tasker_tasks)';
const NEWEST_STEP = '(select max(workflow_step_id) from public.tasker_workflow_steps)';

const QUESTIONS: Readonly<Record<string, string>> = {
  tasker_step_dag_relationships: `public.tasker_step_dag_relationships where workflow_step_id = ${NEWEST_STEP}`,
  calculate_dependency_levels: `public.calculate_dependency_levels(${NEWEST_TASK})`,
  get_analytics_metrics_v01: 'public.get_analytics_metrics_v01()',
  get_slowest_steps_v01: 'public.get_slowest_steps_v01()',
  get_slowest_tasks_v01: 'public.get_slowest_tasks_v01()',
  get_step_readiness_status: `public.get_step_readiness_status(${NEWEST_TASK})`,
  get_step_readiness_status_batch: `public.get_step_readiness_status_batch(array[${NEWEST_TASK}])`,
  get_system_health_counts_v01: 'public.get_system_health_counts_v01()',
  get_task_execution_context: `public.get_task_execution_context(${NEWEST_TASK})`,
  get_task_execution_contexts_batch: `public.get_task_execution_contexts_batch(array[${NEWEST_TASK}])`,
};

/** Reads only. */
export async function sample(database: Database, objectName: string): Promise<Sample> {
  const question = QUESTIONS[objectName];
  if (question === undefined) return { ms: null, error: null };
  try {
    const first = await ask(database, question);
    const ms = first < QUICK_MS ? Math.min(first, await ask(database, question)) : first;
    return { ms: Math.round(ms * 10) / 10, error: null };
  } catch (error) {
    if (!(error instanceof TreadleError) || error.code === 'database_unavailable') throw error;
    return { ms: null, error: isTimeout(error) ? null : error.message };
  }
}

/** Nothing is read into this process but that there was an answer. */
async function ask(database: Database, question: string): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.query(
      `set transaction read only; set local search_path = public; set local statement_timeout = ${PATIENCE_MS}`,
    );
    const startedAt = performance.now();
    await tx.query(`select count(answer.*) from (select * from ${question}) answer`);
    return performance.now() - startedAt;
  });
}

const isTimeout = ({ details }: TreadleError): boolean => details['sqlstate'] === '57014';
