// What a schedule says, wherever it comes from: a template, the command line or a program. Checked once, here.
import { z } from 'zod';
import type { JsonObject } from '../json.ts';
import { deadlineSeconds } from '../template/deadline.ts';
import { isJsonObject } from '../template/json-value.ts';
import { characterCount, isStorableText } from '../template/text.ts';
import { LIMITS } from '../vocabulary.ts';
import { cronProblem, isTimezone } from './ticks.ts';

/** What becomes of ticks that nobody was there for: nothing, one task for the latest, or a task for each up to a limit. */
export const MISSED_POLICIES = ['skip', 'once', 'backfill'] as const;
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

const LONGEST_SCHEDULE_NAME = 100;
export const MOST_BACKFILLED = 1000;
const DEFAULT_BACKFILLED = 100;

const nameExpected = `text of 1 to ${LONGEST_SCHEDULE_NAME} characters without a slash`;
const backfillExpected = `a whole number from 1 to ${MOST_BACKFILLED}`;
const instantExpected = 'an instant such as "2026-01-31T09:00:00Z", with its offset from UTC';

const instant = z.iso
  .datetime({ offset: true, error: instantExpected })
  .transform((text) => new Date(text).toISOString());

function label(longest: number) {
  const expected = `text of at most ${longest} characters`;
  return z.string(expected).refine((text) => characterCount(text) <= longest, expected);
}

function isShort(name: string): boolean {
  return characterCount(name) <= LONGEST_SCHEDULE_NAME;
}

/** Slashes are for the names that schedules of templates get. */
const scheduleName = z
  .string(nameExpected)
  .refine(
    (name) => /\S/.test(name) && !/[/\p{Cc}]/u.test(name) && isStorableText(name) && isShort(name),
    nameExpected,
  );

const cron = z.string('a cron expression such as "*/5 * * * *"').superRefine((text, check) => {
  const problem = cronProblem(text);
  if (problem !== undefined)
    check.addIssue({ code: 'custom', message: `a cron expression with ${problem}`, input: text });
});

const timezone = z
  .string('an IANA time zone such as "Europe/Paris"')
  .refine(isTimezone, 'an IANA time zone such as "Europe/Paris"');

/** As it is written, in a template or in a request. */
export const scheduleSchema = z
  .strictObject({
    /** Of the schedule. */
    name: scheduleName.exactOptional(),
    cron,
    timezone: timezone.default('UTC'),
    /** Of each of its tasks. */
    context: z.custom<JsonObject>((value) => isJsonObject(value as JsonObject), 'an object'),
    missed: z.enum(MISSED_POLICIES).default('skip'),
    /** With `missed: backfill`: so many of the missed ticks, the latest of them. */
    backfill_limit: z
      .int(backfillExpected)
      .min(1, backfillExpected)
      .max(MOST_BACKFILLED, backfillExpected)
      .default(DEFAULT_BACKFILLED),
    starts_at: instant.exactOptional(),
    /** At this instant it comes no more. */
    ends_at: instant.exactOptional(),
    initiator: label(LIMITS.initiator).exactOptional(),
    source_system: label(LIMITS.source_system).exactOptional(),
    reason: label(LIMITS.reason).exactOptional(),
    /** Beside `schedule:<name>` and `scheduled_for:<instant>`. */
    tags: z.array(z.string('text')).exactOptional(),
    /** Names of skippable steps that its tasks do without. */
    bypass_steps: z.array(z.string('the name of a step')).exactOptional(),
    deadline_seconds: deadlineSeconds.exactOptional(),
  })
  .refine(({ starts_at, ends_at }) => !starts_at || !ends_at || starts_at < ends_at, {
    path: ['ends_at'],
    message: 'an instant after starts_at',
  });

export type ScheduleSpec = z.output<typeof scheduleSchema>;
export type ScheduleSpecInput = z.input<typeof scheduleSchema>;

export const SCHEDULE_KEYS = Object.keys(scheduleSchema.shape);

/** The instants of a spec as those of a timetable. */
export function boundsOf({ starts_at, ends_at }: Pick<ScheduleSpec, 'starts_at' | 'ends_at'>) {
  return {
    starts_at: starts_at === undefined ? null : new Date(starts_at),
    ends_at: ends_at === undefined ? null : new Date(ends_at),
  };
}
