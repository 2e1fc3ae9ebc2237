// What people ask a running system: read models for the command line. Nothing here changes a row.
import { TreadleError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Runtime, State } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';

/** A task and where it stands. Instants are UTC. */
export interface TaskReport {
  readonly task_id: number;
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly state: State;
  readonly created_at: Date;
  readonly state_since: Date;
  /** The clock of Postgres when this was read. */
  readonly reported_at: Date;
  readonly initiator: string | null;
  readonly source_system: string | null;
  readonly reason: string | null;
  readonly tags: Json;
  readonly bypass_steps: Json;
  readonly context: JsonObject | null;
  readonly identity_hash: string;
  readonly state_metadata: JsonObject;
  readonly wakes_at: Date | null;
  /** Until when it must have ended. */
  readonly deadline_at: Date | null;
}

/** What a step can do now, as treadle.step_verdicts says it. */
export type Verdict = 'done' | 'running' | 'cancelled' | 'failed' | 'stuck' | 'blocked' | 'waiting' | 'ready';

export interface StepReport {
  readonly workflow_step_id: number;
  readonly name: string;
  /** Null when no template of ours describes the step. */
  readonly handler: string | null;
  readonly state: State;
  readonly verdict: Verdict;
  /** Attempts that have ended. */
  readonly attempts: number;
  readonly retry_limit: number;
  readonly parent_ids: readonly number[];
  /** When its last attempt began. */
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly ready_at: Date | null;
  readonly worker: string | null;
  readonly resolved_by: string | null;
  readonly results: Json;
}

/** Throws `unknown_task`. */
export async function taskReport(db: Executor, taskId: number): Promise<TaskReport> {
  const [row] = await db.query<TaskReport>('select * from treadle.task_report($1)', [taskId]);
  if (row) return row;
  throw new TreadleError('unknown_task', `there is no task ${taskId}`, { details: { task_id: taskId } });
}

export async function taskReportSteps(db: Executor, taskId: number): Promise<StepReport[]> {
  const rows = await db.query<Omit<StepReport, 'parent_ids'> & { parent_ids: readonly (number | string)[] }>(
    'select * from treadle.task_report_steps($1)',
    [taskId],
  );
  return rows.map((row) => ({ ...row, parent_ids: row.parent_ids.map(Number) })); // int8[] arrives as text
}

/** Why each of these steps is where it is, in words. One of them takes a fraction of a millisecond. */
export async function explainSteps(db: Executor, stepIds: readonly number[]): Promise<Map<number, string>> {
  const rows = await db.query<{ id: number; explanation: string }>(
    'select id, treadle.explain_step(id) as explanation from unnest($1::bigint[]) as wanted (id)',
    [stepIds],
  );
  return new Map(rows.map(({ id, explanation }) => [id, explanation]));
}

/** Which tasks a list or a count is about; what is left out means any. */
export interface TaskFilter {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  /** Seconds back from the clock of Postgres. */
  readonly sinceSeconds?: number | undefined;
}

export interface ListedTask {
  readonly task_id: number;
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly state: State;
  readonly created_at: Date;
  readonly state_since: Date;
  readonly steps: number;
  readonly processed_steps: number;
}

export interface Page {
  readonly state?: State | undefined;
  /** Only tasks with a smaller id: the last one of the page before. */
  readonly before?: number | undefined;
  readonly limit: number;
}

const SINCE = 'treadle.utc_now() - make_interval(secs => $3)';

/** The newest first. */
export async function listTasks(db: Executor, filter: TaskFilter, page: Page): Promise<ListedTask[]> {
  return db.query<ListedTask>(`select * from treadle.list_tasks($4, $1, $2, ${SINCE}, $5, $6)`, [
    ...filterValues(filter),
    page.state ?? null,
    page.before ?? null,
    page.limit,
  ]);
}

export async function countTasks(
  db: Executor,
  filter: TaskFilter,
): Promise<{ state: State; tasks: number }[]> {
  return db.query(`select * from treadle.count_tasks($1, $2, ${SINCE})`, filterValues(filter));
}

function filterValues({ namespace, name, sinceSeconds }: TaskFilter): unknown[] {
  return [namespace ?? null, name ?? null, sinceSeconds ?? null];
}

/** Tasks by id, from the first to the last of each range. */
export interface IdRange {
  readonly first: number;
  readonly last: number;
}

export type Progress = 'queued' | 'running' | 'waiting' | Exclude<State, 'pending' | 'in_progress'>;

/** How many of these tasks are where. What is missing is none. */
export async function taskProgress(
  db: Executor,
  ranges: readonly IdRange[],
): Promise<Partial<Record<Progress, number>>> {
  const rows = await db.query<{ progress: Progress; tasks: number }>(
    'select * from treadle.task_progress($1, $2)',
    rangeValues(ranges),
  );
  return Object.fromEntries(rows.map(({ progress, tasks }) => [progress, tasks]));
}

export interface FailureReport {
  readonly step_name: string;
  readonly error: string;
  readonly tasks: number;
  readonly example_task_id: number;
}

/** Why tasks of these ranges ended in error, the most frequent reason first. */
export async function taskFailures(
  db: Executor,
  ranges: readonly IdRange[],
  limit: number,
): Promise<FailureReport[]> {
  return db.query('select * from treadle.task_failures($1, $2, $3)', [...rangeValues(ranges), limit]);
}

function rangeValues(ranges: readonly IdRange[]): unknown[] {
  return [ranges.map(({ first }) => first), ranges.map(({ last }) => last)];
}

export interface ListedTemplate {
  readonly named_task_id: number;
  readonly namespace_name: string;
  readonly name: string;
  readonly version: string;
  readonly description: string | null;
  /** Runtime: where the handler runs, when the template says it. */
  readonly steps: readonly {
    readonly name: string;
    readonly handler: string;
    readonly runtime: Runtime | null;
  }[];
  /** Each handler with the live workers that serve it. */
  readonly handlers: readonly { readonly handler: string; readonly workers: readonly string[] }[];
}

export async function listTemplates(db: Executor): Promise<ListedTemplate[]> {
  return db.query('select * from treadle.list_templates()');
}

export interface UnservedHandler {
  readonly handler: string;
  readonly templates: readonly string[];
  /** Steps that wait for it right now. */
  readonly ready_steps: number;
  /** Where it must run; null: templates do not say it. */
  readonly runtime: Runtime | null;
}

/** Handlers that templates name and no live worker serves; of all templates when none are given. */
export async function unservedHandlers(
  db: Executor,
  namedTaskIds?: readonly number[],
): Promise<UnservedHandler[]> {
  return db.query('select * from treadle.unserved_handlers($1)', [namedTaskIds ?? null]);
}
