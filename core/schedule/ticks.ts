// The instants at which a schedule comes due: croner's, in an IANA time zone, within the bounds of the schedule. Where clocks
// change it follows Vixie cron: times of the day that do not exist come at the end of the gap, those that exist twice come
// the first time; what repeats within the hour ("*/5 * * * *") goes on by elapsed time. docs/schedules.md has the table.
import { Cron } from 'croner';

export interface Timetable {
  /** Five fields, six with seconds first, or a word such as `@hourly`. */
  readonly cron: string;
  /** IANA name, such as `Europe/Paris`. */
  readonly timezone: string;
  /** No tick before this instant. */
  readonly starts_at?: Date | null | undefined;
  /** No tick at or after this instant. */
  readonly ends_at?: Date | null | undefined;
}

const FORM = /^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|\S+(\s+\S+){4,5})$/i;
/** For the question whether there is any tick at all; any instant would do. */
const EPOCH = new Date(0);

export class Ticks {
  readonly #cron: Cron;
  readonly #startsAt: number;
  readonly #endsAt: number;

  /** Throws what croner throws: check with `cronProblem` and `timezoneProblem` before. */
  constructor({ cron, timezone, starts_at, ends_at }: Timetable) {
    this.#cron = croner(cron, timezone);
    this.#startsAt = starts_at?.getTime() ?? -Infinity;
    this.#endsAt = ends_at?.getTime() ?? Infinity;
  }

  /** The first tick after this instant; undefined when there is none any more. */
  after(instant: Date): Date | undefined {
    const from = Math.max(instant.getTime(), this.#startsAt - 1);
    const tick = this.#cron.nextRun(new Date(from));
    return tick && tick.getTime() < this.#endsAt ? tick : undefined;
  }

  /** The ticks up to this instant, the latest first; take as many as are needed, each costs some 0.1 ms. */
  *upTo(instant: Date): Generator<Date, undefined> {
    let before = Math.min(instant.getTime() + 1, this.#endsAt);
    for (;;) {
      const [tick] = this.#cron.previousRuns(1, new Date(before));
      if (!tick || tick.getTime() < this.#startsAt) return undefined;
      yield tick;
      before = tick.getTime();
    }
  }

  /** The next so many ticks after this instant, for people. */
  next(count: number, instant: Date): Date[] {
    const ticks: Date[] = [];
    for (let tick = this.after(instant); tick && ticks.length < count; tick = this.after(tick)) {
      ticks.push(tick);
    }
    return ticks;
  }
}

/** What is wrong with a cron expression, in a few words; undefined when nothing is. */
export function cronProblem(cron: string): string | undefined {
  if (!FORM.test(cron.trim())) return 'five fields, six with seconds first, or a word such as @hourly';
  try {
    return croner(cron, 'UTC').nextRun(EPOCH) ? undefined : 'a date that exists';
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `fields that cron knows: ${said.replace(/^CronPattern: /, '').replace(/\.$/, '')}`;
  }
}

export function isTimezone(name: string): boolean {
  try {
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat('en', { timeZone: name }).format(EPOCH) !== '';
  } catch {
    return false;
  }
}

function croner(cron: string, timezone: string): Cron {
  return new Cron(cron.trim(), { timezone, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' });
}
