// What operators do: cancel, pause, resume, retry, resolve. One TypeScript function per SQL function, nothing added. Each
// item of a list is done or refused for itself; the engines of the database are told by the functions themselves.
import type { ErrorCode } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { State } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';
import type { IdRange } from './reports.ts';
import { NO_AFTERMATH, type Aftermath } from './steps.ts';

/** Who does it and why: kept in the audit rows. `by` must not be empty (`invalid_argument`). */
export interface Operator {
  readonly by: string;
  readonly reason?: string | undefined;
}

interface Refused {
  readonly done: false;
  readonly code: ErrorCode;
  /** One sentence. */
  readonly why: string;
}

export interface RefusedTask extends Refused {
  readonly task_id: number;
}

export interface CancelledTask {
  readonly task_id: number;
  readonly done: true;
  readonly from_state: State;
  readonly to_state: 'cancelled';
  readonly cancelled_steps: number;
  /** Those of them that ran, and whose handlers are told to stop. */
  readonly running_steps: number;
}

export interface ResolvedTask {
  readonly task_id: number;
  readonly done: true;
  readonly from_state: 'error';
  readonly to_state: 'resolved_manually';
}

export interface RetriedTask {
  readonly task_id: number;
  readonly done: true;
  readonly from_state: State;
  readonly retried_steps: number;
  /** Where the task is now: it has gone on, or still cannot. */
  readonly task_state: State;
}

/** A step that an operation moved. */
export interface StepMove {
  readonly workflow_step_id: number;
  readonly task_id: number;
  readonly step_name: string;
  readonly from_state: State;
  readonly to_state: State;
}

export interface ChangedStep extends StepMove {
  readonly done: true;
  readonly task_state: State;
}

export interface RefusedStep extends Refused {
  readonly workflow_step_id: number;
  readonly task_id?: number;
  readonly step_name?: string;
  readonly task_state: State | null;
}

/** What an operation did, in the order of what was asked for, and what is left for an engine to do. */
export interface Operation<Result> extends Aftermath {
  readonly results: readonly Result[];
  readonly steps: readonly StepMove[];
  /** Failed tasks that go on. */
  readonly reopened: readonly number[];
}

/** Tasks that have not ended, and failed ones, with all their unfinished steps. */
export function cancelTasks(
  db: Executor,
  taskIds: readonly number[],
  { by, reason }: Operator,
): Promise<Operation<CancelledTask | RefusedTask>> {
  return operate(db, 'cancel_tasks($1, $2, $3)', [taskIds, by, reason ?? null]);
}

/** Failed tasks end for good; their steps stay as they are. */
export function resolveTasks(
  db: Executor,
  taskIds: readonly number[],
  { by, reason }: Operator,
): Promise<Operation<ResolvedTask | RefusedTask>> {
  return operate(db, 'resolve_tasks($1, $2, $3)', [taskIds, by, reason ?? null]);
}

/** All failed steps of these tasks: a fresh allowance of attempts, at once. */
export function retryTasks(
  db: Executor,
  taskIds: readonly number[],
  { by, reason }: Operator,
): Promise<Operation<RetriedTask | RefusedTask>> {
  return operate(db, 'retry_tasks($1, $2, $3)', [taskIds, by, reason ?? null]);
}

export function retrySteps(
  db: Executor,
  stepIds: readonly number[],
  { by, reason }: Operator,
): Promise<Operation<ChangedStep | RefusedStep>> {
  return operate(db, 'retry_steps($1, $2, $3)', [stepIds, by, reason ?? null]);
}

export interface Resolution {
  /** What children see as the results of the steps. Left out: what the step has. */
  readonly results?: Json | undefined;
  /** Also a running step: it is taken away from its worker. */
  readonly force?: boolean | undefined;
}

export function resolveSteps(
  db: Executor,
  stepIds: readonly number[],
  { by, reason, results, force }: Operator & Resolution,
): Promise<Operation<ChangedStep | RefusedStep>> {
  const given = results === undefined ? null : JSON.stringify(results);
  return operate(db, 'resolve_steps($1, $2, $3, $4, $5)', [
    stepIds,
    by,
    reason ?? null,
    given,
    force === true,
  ]);
}

async function operate<Result>(
  db: Executor,
  call: string,
  values: readonly unknown[],
): Promise<Operation<Result>> {
  const [row] = await db.query<Operation<Result>>(`select * from treadle.${call}`, values);
  return { ...NO_AFTERMATH, results: [], steps: [], reopened: [], ...row };
}

export const PAUSE_SCOPES = ['task', 'namespace', 'handler'] as const;
export type PauseScope = (typeof PAUSE_SCOPES)[number];

/** What is paused: all steps of a task, of the tasks of a namespace, or of a handler. */
export interface PauseSubject {
  readonly scope: PauseScope;
  /** A task_id in digits, or a name. */
  readonly subject: string;
}

export interface Paused {
  /** False: it was paused already, by whom the rest says. */
  readonly done: boolean;
  readonly paused_by: string;
  readonly reason: string | null;
  readonly paused_at: Date;
  /** Ready steps that are held from now on; running ones go on. */
  readonly steps: number;
}

/**
 * The pause counts at once, however many steps are ready: they are marked as held after it.
 * Throws `unknown_task`, `unlawful_transition` (the task has ended), `invalid_argument` (no such namespace or handler).
 */
export async function pause(
  db: Executor,
  { scope, subject }: PauseSubject,
  { by, reason }: Operator,
): Promise<Paused> {
  const [paused] = await db.query<Paused>('select * from treadle.pause($1, $2, $3, $4, false)', [
    scope,
    subject,
    by,
    reason ?? null,
  ]);
  if (!paused) throw new Error('treadle.pause returned no row');
  const [held] = await db.query<{ steps: number }>('select treadle.hold_ready_steps($1, $2) as steps', [
    scope,
    subject,
  ]);
  return { ...paused, steps: held?.steps ?? 0 };
}

export interface Resumed {
  /** False: it was not paused. */
  readonly done: boolean;
  /** Steps that can be claimed again. */
  readonly steps: number;
  /** Steps that another pause still holds. */
  readonly still_held: number;
}

export async function resume(db: Executor, { scope, subject }: PauseSubject): Promise<Resumed> {
  const [row] = await db.query<Resumed>('select * from treadle.resume($1, $2)', [scope, subject]);
  if (!row) throw new Error('treadle.resume returned no row');
  return row;
}

export interface ListedPause extends PauseSubject {
  readonly paused_by: string;
  readonly reason: string | null;
  readonly paused_at: Date;
  /** Ready steps that it holds. */
  readonly steps: number;
}

/** The oldest first. */
export async function listPauses(db: Executor): Promise<ListedPause[]> {
  return db.query('select * from treadle.list_pauses()');
}

/** The steps of this name in these tasks. */
export async function stepsNamed(
  db: Executor,
  taskIds: readonly number[],
  name: string,
): Promise<{ task_id: number; workflow_step_id: number }[]> {
  return db.query(
    `select s.task_id, s.workflow_step_id
     from public.tasker_workflow_steps s
     join public.tasker_named_steps n on n.named_step_id = s.named_step_id
     where s.task_id = any ($1) and n.name = $2
     order by s.workflow_step_id`,
    [taskIds, name],
  );
}

/** The tasks that there are within these ranges, in order. */
export async function tasksWithin(db: Executor, ranges: readonly IdRange[]): Promise<number[]> {
  const rows = await db.query<{ task_id: number }>(
    `select distinct t.task_id
     from unnest($1::bigint[], $2::bigint[]) as r (first_id, last_id)
     join public.tasker_tasks t on t.task_id between r.first_id and r.last_id
     order by 1`,
    [ranges.map(({ first }) => first), ranges.map(({ last }) => last)],
  );
  return rows.map(({ task_id }) => task_id);
}
