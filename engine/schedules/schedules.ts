// What programs and people do with schedules: add, list, look at, pause, resume, remove, run now. Whatever changes when the
// next tick comes is told to every engine by the database.
import { hostname } from 'node:os';
import { TreadleError } from '../../core/errors.ts';
import {
  boundsOf,
  scheduleSchema,
  SCHEDULE_KEYS,
  type ScheduleSpec,
  type ScheduleSpecInput,
} from '../../core/schedule/schedule.ts';
import { Ticks } from '../../core/schedule/ticks.ts';
import { nearest } from '../../core/template/nearest.ts';
import { expectation, fromZod, invalid } from '../../core/template/problems.ts';
import { DEFAULTS } from '../../core/vocabulary.ts';
import type { Database } from '../../sql/database.ts';
import {
  addSchedule,
  databaseNow,
  listSchedules,
  noteScheduledTask,
  pauseSchedule,
  recentScheduledTasks,
  removeSchedule,
  resumeSchedule,
  type ListedSchedule,
  type ScheduledTask,
} from '../../sql/schedules.ts';
import type { CreatedTask } from '../../sql/tasks.ts';
import type { OperatorOptions } from '../operations.ts';
import { requestOf } from './schedule-tasks.ts';
import type { TaskCreator } from '../task-requests.ts';
import { labelsOf } from './template-schedules.ts';
import type { RegisteredTemplate, Templates } from '../templates.ts';

const SHOWN_TICKS = 5;

/** What to create, and when; the keys of `schedule` in a template, and of which template. */
export type ScheduleRequest = ScheduleSpecInput & {
  readonly namespace_name?: string;
  readonly task_name: string;
  /** Default: the latest, by number, at each tick. */
  readonly version?: string;
};

/** A schedule with what comes next and what came last. */
export interface ShownSchedule extends ListedSchedule {
  readonly next_ticks: readonly Date[];
  readonly recent_tasks: readonly ScheduledTask[];
}

export interface SchedulesOptions {
  readonly database: Database;
  readonly templates: Templates;
  readonly tasks: TaskCreator;
}

export class Schedules {
  readonly #options: SchedulesOptions;

  constructor(options: SchedulesOptions) {
    this.#options = options;
  }

  /**
   * Adds a schedule; its first tick is the next one from now.
   * @throws TreadleError `invalid_argument`, `unknown_template`, `invalid_context`
   */
  async add(request: ScheduleRequest, { by }: Pick<OperatorOptions, 'by'> = {}): Promise<ListedSchedule> {
    const { database, templates } = this.#options;
    const { namespace_name = DEFAULTS.namespace_name, task_name, version, ...written } = request;
    const spec = specOf(written);
    const registered = await templates.find({ namespace_name, name: task_name, version });
    const { cron, timezone, missed, backfill_limit } = spec;
    const timetable = { cron, timezone, ...boundsOf(spec) };
    assertBypassable(registered, spec.bypass_steps ?? []);
    const name = await addSchedule(database, {
      name: spec.name ?? null,
      namespace_name,
      task_name,
      version: version ?? null,
      ...timetable,
      missed,
      backfill_limit,
      context: registered.validateContext(spec.context),
      labels: labelsOf(spec),
      next_at: firstTick(timetable, await databaseNow(database)),
      created_by: by ?? hostname(),
    });
    return this.find(name);
  }

  /** All of them, by name. */
  async list(): Promise<ListedSchedule[]> {
    return listSchedules(this.#options.database);
  }

  /** @throws TreadleError `invalid_argument` when there is none of this name; so do all that follow */
  async find(name: string): Promise<ListedSchedule> {
    const [schedule] = await listSchedules(this.#options.database, name);
    if (schedule) return schedule;
    const names = (await this.list()).map((other) => other.name);
    const meant = nearest(name, names);
    const advice = meant === undefined ? '"treadle schedule list" lists them' : `did you mean "${meant}"?`;
    throw new TreadleError('invalid_argument', `there is no schedule "${name}" (${advice})`);
  }

  /** With its next five ticks and its latest ten tasks. */
  async show(name: string): Promise<ShownSchedule> {
    const { database } = this.#options;
    const schedule = await this.find(name);
    const recent_tasks = await recentScheduledTasks(database, schedule.schedule_id);
    const next_ticks =
      schedule.state === 'active' ? new Ticks(schedule).next(SHOWN_TICKS, before(schedule)) : [];
    return { ...schedule, next_ticks, recent_tasks };
  }

  /** No tick becomes a task until it is resumed. `done` is false when it was paused already. */
  async pause(name: string, { by, reason }: OperatorOptions = {}): Promise<{ readonly done: boolean }> {
    await this.find(name);
    return { done: await pauseSchedule(this.#options.database, name, { by: by ?? hostname(), reason }) };
  }

  /** Goes on with the next tick from now: what came due during the pause is not made up for. */
  async resume(name: string): Promise<{ readonly done: boolean }> {
    const { database } = this.#options;
    const next = new Ticks(await this.find(name)).after(await databaseNow(database));
    return { done: await resumeSchedule(database, name, next ?? null) };
  }

  /** Its tasks stay. One of a template comes back when the template is registered again. */
  async remove(name: string): Promise<ListedSchedule> {
    const schedule = await this.find(name);
    await removeSchedule(this.#options.database, name);
    return schedule;
  }

  /** Creates a task of this schedule now, out of turn, also while it is paused. */
  async run(name: string): Promise<CreatedTask> {
    const { database, tasks } = this.#options;
    const schedule = await this.find(name);
    const [created] = await tasks.create([requestOf(schedule)]);
    if (!created) throw new Error('a task was neither created nor found');
    await noteScheduledTask(database, schedule.schedule_id, created.task_id);
    return created;
  }
}

/** An instant after which its next tick is the first. */
function before({ next_at }: ListedSchedule): Date {
  return new Date((next_at?.getTime() ?? 0) - 1);
}

function specOf(written: unknown): ScheduleSpec {
  const parsed = scheduleSchema.safeParse(written, { error: expectation });
  if (parsed.success) return parsed.data;
  const findings = fromZod(parsed.error.issues, written, () => SCHEDULE_KEYS);
  throw invalid('invalid_argument', 'schedule', findings);
}

function firstTick(timetable: ConstructorParameters<typeof Ticks>[0], now: Date): Date {
  const tick = new Ticks(timetable).after(now);
  if (tick) return tick;
  throw new TreadleError(
    'invalid_argument',
    `schedule: expected a tick of "${timetable.cron}" between now and ends_at, came none before ${timetable.ends_at?.toISOString()}`,
  );
}

/** What the first tick would refuse. */
function assertBypassable({ template }: RegisteredTemplate, names: readonly string[]): void {
  const skippable = new Set(
    template.step_templates.filter((step) => step.skippable).map((step) => step.name),
  );
  const stranger = names.find((name) => !skippable.has(name));
  if (stranger === undefined) return;
  throw new TreadleError(
    'invalid_argument',
    `bypass_steps: expected skippable steps of ${template.namespace_name}/${template.name}, came "${stranger}"`,
  );
}
