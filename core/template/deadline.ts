// How long a task may take, as templates and schedules write it.
import { z } from 'zod';

/** Ten years. */
export const LONGEST_DEADLINE_SECONDS = 315_360_000;
const expected = `a number of seconds above 0, at most ${LONGEST_DEADLINE_SECONDS}`;

/** Within so many seconds from its earliest start a task must have ended. */
export const deadlineSeconds = z.number(expected).gt(0, expected).max(LONGEST_DEADLINE_SECONDS, expected);
