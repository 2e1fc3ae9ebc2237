// What the database says about tasks: states, the audit trail, the derived rows. Everything a test asserts on.
import type { JsonObject } from '../../core/json.ts';
import type { Executor } from '../../sql/database.ts';
import type { World } from './factories.ts';

export interface TrailRow {
  readonly from_state: string | null;
  readonly to_state: string;
  readonly sort_key: number;
  readonly most_recent: boolean;
  readonly metadata: JsonObject;
}

/** The transition rows of a task or a step, oldest first. */
export function trailOf(db: Executor, what: 'workflow_step' | 'task', id: number): Promise<TrailRow[]> {
  return db.query<TrailRow>(
    `select from_state, to_state, sort_key, most_recent, metadata
     from public.tasker_${what}_transitions
     where ${what}_id = $1
     order by sort_key`,
    [id],
  );
}

/** The states that a task or a step went through, in order. */
export async function statesThrough(
  db: Executor,
  what: 'workflow_step' | 'task',
  id: number,
): Promise<string[]> {
  return (await trailOf(db, what, id)).map((row) => row.to_state);
}

export async function stateOfTask(db: Executor, taskId: number): Promise<string> {
  const rows = await trailOf(db, 'task', taskId);
  return rows.find((row) => row.most_recent)?.to_state ?? 'pending';
}

/** Current states of all steps of a task, by name. */
export async function statesOfSteps(db: Executor, taskId: number): Promise<Record<string, string>> {
  const rows = await db.query<{ name: string; state: string }>(
    `select n.name, coalesce(c.to_state, 'pending') as state
     from public.tasker_workflow_steps s
     join public.tasker_named_steps n using (named_step_id)
     left join public.tasker_workflow_step_transitions c
       on c.workflow_step_id = s.workflow_step_id and c.most_recent
     where s.task_id = $1
     order by s.workflow_step_id`,
    [taskId],
  );
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
}

export interface StepColumns {
  readonly attempts: number;
  readonly processed: boolean;
  readonly in_process: boolean;
  readonly processed_at: Date | null;
  readonly last_attempted_at: Date | null;
  readonly backoff_request_seconds: number | null;
  readonly results: JsonObject;
}

export async function stepColumns(db: Executor, stepId: number): Promise<StepColumns> {
  const [row] = await db.query<StepColumns>(
    `select attempts, processed, in_process, processed_at, last_attempted_at, backoff_request_seconds, results
     from public.tasker_workflow_steps
     where workflow_step_id = $1`,
    [stepId],
  );
  if (!row) throw new Error(`there is no step ${stepId}`);
  return row;
}

/** Names of the steps of a task that are offered to workers. */
export async function readySteps({ db, taskId }: World): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    `select n.name
     from treadle.ready_steps r
     join public.tasker_workflow_steps s using (workflow_step_id)
     join public.tasker_named_steps n using (named_step_id)
     where r.task_id = $1
     order by r.workflow_step_id`,
    [taskId],
  );
  return rows.map(({ name }) => name);
}

/** The derived rows of a task, in one value that can be compared. */
export async function derivedRows(db: Executor, taskId: number): Promise<JsonObject> {
  const [row] = await db.query<{ derived: JsonObject }>(
    `select jsonb_build_object(
       'ready', (
         select coalesce(jsonb_agg(to_jsonb(r) - 'lane_id' order by r.workflow_step_id), '[]')
         from treadle.ready_steps r
         where r.task_id = $1
       ),
       'gates', (
         select coalesce(jsonb_agg(to_jsonb(g) order by g.workflow_step_id), '[]')
         from treadle.gates g
         where g.task_id = $1
       )
     ) as derived`,
    [taskId],
  );
  return row?.derived ?? {};
}

/** The wake-up of a task, in seconds from the engine's now (rounded); undefined when there is none. */
export async function wakeupOf({ db, taskId }: World): Promise<{ reason: string; in: number } | undefined> {
  const [row] = await db.query<{ reason: string; in: number }>(
    `select reason, round(extract(epoch from run_at - treadle.now()))::integer as in
     from treadle.wakeups
     where task_id = $1`,
    [taskId],
  );
  return row;
}

/** How many claims are held on steps of a task. */
export async function claimsOf({ db, taskId }: World): Promise<number> {
  const [row] = await db.query<{ count: number }>('select count(*) from treadle.claims where task_id = $1', [
    taskId,
  ]);
  return row?.count ?? 0;
}
