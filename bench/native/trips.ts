// Trips of one place for a time rather than for a number: after a warm-up, as many as the place makes in it. So a slow place
// takes no longer than a fast one, and a short run is long enough for figures that stand beside those of a long one.
import { IN_FLIGHT, travel, type TripRun } from '../polyglot/trips.ts';
import type { Open, Place } from './places.ts';
import type { Size } from './result.ts';

export interface Pace {
  readonly warmUpMs: number;
  /** For each figure. */
  readonly measuredMs: number;
}

export const LONG: Pace = { warmUpMs: 300, measuredMs: 600 };
export const SHORT: Pace = { warmUpMs: 150, measuredMs: 200 };

const FEWEST = 100;

/** One figure for each number in flight. */
export async function echoes(place: Place, { bytes }: Size, pace: Pace): Promise<TripRun[]> {
  return trips(place, place.echo, bytes, IN_FLIGHT, pace);
}

/** A handler that works for a millisecond, one after the other. */
export async function oneMillisecond(place: Place, pace: Pace): Promise<TripRun[]> {
  return trips(place, 'OneMillisecond', 1_000, [1], pace);
}

async function trips(
  place: Place,
  handler: string,
  bytes: number,
  inFlight: readonly number[],
  pace: Pace,
): Promise<TripRun[]> {
  const open = await place.open({ handler, context: Object.freeze({ order: 'x'.repeat(bytes) }) });
  try {
    const runs: TripRun[] = [];
    for (const atOnce of inFlight) {
      // oxlint-disable-next-line no-await-in-loop -- figures that were measured together would measure each other
      runs.push(await figure(open, atOnce, pace));
    }
    return runs;
  } finally {
    await open.close();
  }
}

async function figure({ carrier, subject }: Open, atOnce: number, pace: Pace): Promise<TripRun> {
  const fewest = Math.max(FEWEST, 4 * atOnce);
  const until = performance.now() + pace.warmUpMs;
  let warm: TripRun;
  do {
    // oxlint-disable-next-line no-await-in-loop -- the last of them says how many fit
    warm = await travel(carrier, atOnce, fewest, subject);
  } while (performance.now() < until);
  const count = Math.round((warm.per_second * pace.measuredMs) / 1000);
  return travel(carrier, atOnce, Math.max(fewest, count), subject);
}
