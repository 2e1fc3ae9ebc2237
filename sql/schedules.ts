// Schedules in the database: one TypeScript function per SQL function, nothing added.
import type { JsonObject } from '../core/json.ts';
import type { MissedPolicy } from '../core/schedule/schedule.ts';
import type { State } from '../core/vocabulary.ts';
import type { Executor } from './database.ts';

/** What all tasks of a schedule are given beside their context. */
export interface ScheduleLabels {
  readonly initiator?: string;
  readonly source_system?: string;
  readonly reason?: string;
  readonly tags?: readonly string[];
  readonly bypass_steps?: readonly string[];
  readonly deadline_seconds?: number;
}

/** What to create, and when. */
export interface ScheduleRow {
  readonly name: string;
  readonly namespace_name: string;
  readonly task_name: string;
  /** Null: the latest at each tick. */
  readonly version: string | null;
  readonly cron: string;
  readonly timezone: string;
  readonly missed: MissedPolicy;
  readonly backfill_limit: number;
  readonly starts_at: Date | null;
  readonly ends_at: Date | null;
  readonly context: JsonObject;
  readonly labels: ScheduleLabels;
}

export interface DueSchedule extends ScheduleRow {
  readonly schedule_id: number;
  readonly next_at: Date;
  readonly now: Date;
}

export type ScheduleState = 'active' | 'paused' | 'error' | 'ended';

/** A schedule as people see it. */
export interface ListedSchedule extends ScheduleRow {
  readonly schedule_id: number;
  /** `error`: it was paused because no task of it could be created. */
  readonly state: ScheduleState;
  /** Kept as its template says it; false: added by hand. */
  readonly from_template: boolean;
  readonly next_at: Date | null;
  readonly last_tick_at: Date | null;
  readonly paused_at: Date | null;
  readonly paused_by: string | null;
  readonly pause_reason: string | null;
  readonly error: string | null;
  readonly created_by: string;
  readonly created_at: Date;
}

/** A task that a schedule created. */
export interface ScheduledTask {
  readonly task_id: number;
  readonly state: State;
  /** The tick that it is for. */
  readonly requested_at: Date;
}

/** By the clock of Postgres. */
export async function databaseNow(db: Executor): Promise<Date> {
  const [row] = await db.query<{ now: Date }>('select treadle.now() as now');
  if (!row) throw new Error('treadle.now returned no row');
  return row.now;
}

/** Due schedules, locked until the transaction ends; those that another one has locked are passed over. */
export async function dueSchedules(tx: Executor, limit: number): Promise<DueSchedule[]> {
  return tx.query<DueSchedule>('select * from treadle.due_schedules($1), treadle.now() as clock (now)', [
    limit,
  ]);
}

/** How far off the next tick is; 0 or less: it has come due; null: there is none. */
export async function nextScheduleInMs(db: Executor): Promise<number | null> {
  const [row] = await db.query<{ ms: number | null }>('select treadle.next_schedule_in_ms() as ms');
  return row?.ms ?? null;
}

export interface Advance {
  readonly schedule_id: number;
  /** Null: it has ended. */
  readonly next_at: Date | null;
  /** Null: no tick became a task. */
  readonly last_tick_at: Date | null;
  readonly task_ids: readonly number[];
}

export async function advanceSchedules(tx: Executor, advances: readonly Advance[]): Promise<void> {
  await tx.query('select treadle.advance_schedules($1)', [JSON.stringify(advances)]);
}

/** Remembers a task that was created out of turn. */
export async function noteScheduledTask(db: Executor, scheduleId: number, taskId: number): Promise<void> {
  await db.query('select treadle.note_scheduled_tasks($1, $2)', [scheduleId, [taskId]]);
}

export async function failSchedule(tx: Executor, scheduleId: number, error: string): Promise<void> {
  await tx.query('select treadle.fail_schedule($1, $2)', [scheduleId, error]);
}

export type NewSchedule = Omit<ScheduleRow, 'name'> & {
  /** Default: that of the task, with a number where it is taken. */
  readonly name: string | null;
  readonly next_at: Date;
  readonly created_by: string;
};

/** Returns its name. Throws `invalid_argument` when the name is taken. */
export async function addSchedule(db: Executor, schedule: NewSchedule): Promise<string> {
  const [row] = await db.query<{ name: string }>('select name from treadle.add_schedule($1)', [
    JSON.stringify(schedule),
  ]);
  if (!row) throw new Error('treadle.add_schedule returned no row');
  return row.name;
}

export type TemplateSchedule = Omit<ScheduleRow, 'namespace_name' | 'task_name' | 'version'> & {
  readonly next_at: Date | null;
};

/** Makes the schedules of a template these, and no others. In the transaction that registers it. */
export async function putTemplateSchedules(
  tx: Executor,
  namedTaskId: number,
  schedules: readonly TemplateSchedule[],
): Promise<void> {
  await tx.query('select treadle.put_template_schedules($1, $2)', [namedTaskId, JSON.stringify(schedules)]);
}

/** By name; all, or the one of this name. */
export async function listSchedules(db: Executor, name?: string): Promise<ListedSchedule[]> {
  return db.query<ListedSchedule>('select * from treadle.list_schedules($1)', [name ?? null]);
}

/** Its latest tasks, the latest first. */
export async function recentScheduledTasks(db: Executor, scheduleId: number): Promise<ScheduledTask[]> {
  return db.query<ScheduledTask>('select * from treadle.recent_scheduled_tasks($1)', [scheduleId]);
}

/** False when it was paused already, or there is none; so it is with the other two. */
export async function pauseSchedule(
  db: Executor,
  name: string,
  { by, reason }: { readonly by: string; readonly reason: string | undefined },
): Promise<boolean> {
  return changed(db, 'select treadle.pause_schedule($1, $2, $3) as done', [name, by, reason ?? null]);
}

export async function resumeSchedule(db: Executor, name: string, nextAt: Date | null): Promise<boolean> {
  return changed(db, 'select treadle.resume_schedule($1, $2) as done', [name, nextAt]);
}

export async function removeSchedule(db: Executor, name: string): Promise<boolean> {
  return changed(db, 'select treadle.remove_schedule($1) as done', [name]);
}

async function changed(db: Executor, statement: string, values: readonly unknown[]): Promise<boolean> {
  const [row] = await db.query<{ done: boolean }>(statement, values);
  return row?.done ?? false;
}
