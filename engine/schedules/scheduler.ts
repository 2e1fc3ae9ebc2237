// Turns ticks of schedules into tasks: a timer is armed for the earliest tick in the database, so that schedules cost nothing
// between two ticks, and nothing at all where there are none. Every engine does so; `for update skip locked` sorts them out.
// The clock of Postgres says what is due. A schedule of which no task can be created is paused with the reason.
import type { Logger } from 'pino';
import { TreadleError, type ErrorCode } from '../../core/errors.ts';
import type { Database, Executor } from '../../sql/database.ts';
import { inSavepoint } from '../../sql/savepoint.ts';
import { dueSchedules, failSchedule, nextScheduleInMs, type DueSchedule } from '../../sql/schedules.ts';
import { NextLook } from '../next-look.ts';
import { isAway } from '../outage.ts';
import { LONGEST_ROUND_MS } from '../periods.ts';
import { takeTicks, type Taken } from './schedule-tasks.ts';
import type { TaskCreator } from '../task-requests.ts';

const SCHEDULES_AT_ONCE = 50;

/** A due schedule that another engine has locked is looked at again after so many milliseconds, then later and later. */
const FIRST_RETRY_MS = 50;

/** What is wrong with the schedule itself, and stays so until somebody mends it. */
const FAULTS: ReadonlySet<ErrorCode> = new Set([
  'unknown_template',
  'invalid_template',
  'invalid_context',
  'invalid_argument',
  'unknown_step',
]);

export interface SchedulerOptions {
  readonly database: Database;
  readonly tasks: TaskCreator;
  readonly log: Logger;
  /** Tasks were created and committed. */
  readonly onCreated: () => void;
}

interface Ticked {
  readonly schedule: DueSchedule;
  /** Undefined: nothing became of it. */
  readonly taken?: Taken;
  readonly error?: unknown;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #nextLook = new NextLook(() => this.#look());
  #retries = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Some may be due, or a schedule has changed. */
  look(): void {
    this.#nextLook.now();
  }

  /** The earliest tick is so far off, in ms; 0 or less: it has come due. */
  expect(inMs: number): void {
    this.#nextLook.expect(inMs);
  }

  async stop(): Promise<void> {
    await this.#nextLook.stop();
  }

  async #look(): Promise<void> {
    const { database, log } = this.#options;
    try {
      let done = SCHEDULES_AT_ONCE;
      while (done === SCHEDULES_AT_ONCE && !this.#nextLook.isStopped) done = await this.#takePage();
      this.#planNext(await nextScheduleInMs(database));
    } catch (error) {
      log.debug({ err: error }, 'schedules could not be looked at; the next round of recovery does'); // and says why
    }
  }

  /** Returns how many schedules have been dealt with. */
  async #takePage(): Promise<number> {
    const { database, onCreated } = this.#options;
    const page = await database.transaction(async (tx) => {
      const due = await dueSchedules(tx, SCHEDULES_AT_ONCE);
      return due.length > 1 ? this.#together(tx, due) : this.#oneByOne(tx, due);
    });
    for (const ticked of page) this.#say(ticked);
    if (page.some(({ taken }) => taken && taken.task_ids.length > 0)) onCreated();
    const done = page.filter(({ error }) => error === undefined || isFault(error)).length;
    if (done > 0) this.#retries = 0;
    return done;
  }

  /** A few statements for all of them; when one goes wrong, each by itself. */
  async #together(tx: Executor, due: readonly DueSchedule[]): Promise<Ticked[]> {
    try {
      const taken = await inSavepoint(tx, () => takeTicks(tx, this.#options.tasks, due));
      return taken.map((one) => ({ schedule: one.schedule, taken: one }));
    } catch (error) {
      if (isAway(error)) throw error;
      return this.#oneByOne(tx, due);
    }
  }

  async #oneByOne(tx: Executor, due: readonly DueSchedule[]): Promise<Ticked[]> {
    const ticked: Ticked[] = [];
    for (const schedule of due) ticked.push(await this.#tick(tx, schedule));
    return ticked;
  }

  /** One that goes wrong undoes its own part and leaves the others alone. */
  async #tick(tx: Executor, schedule: DueSchedule): Promise<Ticked> {
    try {
      const [taken] = await inSavepoint(tx, () => takeTicks(tx, this.#options.tasks, [schedule]));
      return { schedule, ...(taken && { taken }) };
    } catch (error) {
      if (isAway(error)) throw error;
      if (isFault(error)) await failSchedule(tx, schedule.schedule_id, error.message);
      return { schedule, error };
    }
  }

  #say({ schedule, taken, error }: Ticked): void {
    const { log } = this.#options;
    const { name, missed } = schedule;
    if (isFault(error)) {
      log.warn(
        { schedule: name, error: error.message },
        'no task of this schedule can be created: it is paused',
      );
    } else if (error !== undefined) {
      log.warn({ schedule: name, err: error }, 'a scheduled task could not be created; trying again');
    } else if (taken?.leftOut) {
      const words = 'runs of this schedule were missed while no engine ran';
      log.warn({ schedule: name, missed, task_ids: taken.task_ids }, words);
    } else log.debug({ schedule: name, task_ids: taken?.task_ids }, 'created scheduled tasks');
  }

  /** What is due and was not taken is locked by somebody, or could not be taken: it waits for longer each time. */
  #planNext(inMs: number | null): void {
    const due = inMs !== null && inMs <= 0;
    this.#nextLook.plan(due ? Math.min(FIRST_RETRY_MS * 2 ** this.#retries, LONGEST_ROUND_MS) : inMs);
    this.#retries = due ? this.#retries + 1 : 0;
  }
}

function isFault(error: unknown): error is TreadleError {
  return error instanceof TreadleError && FAULTS.has(error.code);
}
