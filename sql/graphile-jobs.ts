// The statements on graphile-worker's tables, which live in the same database and so in the same transaction as ours.
import type { Executor } from './database.ts';

export interface GraphileJob {
  readonly task_id: number;
  readonly run_at: Date | undefined;
  readonly reason: string;
  readonly dedupe_key: string;
  /** Higher goes first: graphile-worker's own is the other way round. */
  readonly priority: number;
  readonly correlation_id: string;
}

/** Adds the jobs in one statement. A job with the same key that has not started is replaced. */
export async function addGraphileJobs(
  db: Executor,
  identifier: string,
  jobs: readonly GraphileJob[],
): Promise<void> {
  await db.query(
    `select count(*)
     from graphile_worker.add_jobs(array(
       select row(
         $1::text,
         json_build_object('task_id', job.task_id, 'reason', job.reason, 'correlation_id', job.correlation_id),
         null::text, job.run_at, 25::smallint, job.dedupe_key, (-job.priority)::smallint, null::text[]
       )::graphile_worker.job_spec
       from jsonb_to_recordset($2) as job (
         task_id bigint, run_at timestamptz, reason text, dedupe_key text, priority integer, correlation_id text
       )
     ))`,
    [identifier, JSON.stringify(jobs)],
  );
}

/** Jobs of this identifier that wait, and those whose last try failed. */
export async function countGraphileJobs(
  db: Executor,
  identifier: string,
): Promise<{ waiting: number; failed: number }> {
  const [row] = await db.query<{ waiting: number; failed: number }>(
    `select count(*) as waiting, count(*) filter (where last_error is not null) as failed
     from graphile_worker.jobs
     where task_identifier = $1`,
    [identifier],
  );
  return row ?? { waiting: 0, failed: 0 };
}

/** Gives jobs back that have been in somebody's hands for so long, with all else that these hold; anybody may fetch them. */
export async function unlockGraphileJobs(
  db: Executor,
  identifier: string,
  heldSeconds: number,
): Promise<void> {
  await db.query(
    `select graphile_worker.force_unlock_workers(array(
       select distinct job.locked_by
       from graphile_worker.jobs job
       where job.task_identifier = $1 and job.locked_at <= clock_timestamp() - make_interval(secs => $2)
     ))`,
    [identifier, heldSeconds],
  );
}
