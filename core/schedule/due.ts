// Which ticks of a schedule become tasks now. A tick that is found at most a minute late is on time: engines restart, and
// Postgres does. What is older was missed, and the policy of the schedule decides.
import type { MissedPolicy } from './schedule.ts';
import type { Ticks } from './ticks.ts';

/** A tick that is no older than this was not missed. */
export const ON_TIME_MS = 60_000;

export interface DueOptions {
  /** The first tick that has not been taken. */
  readonly next_at: Date;
  /** By the clock of Postgres. */
  readonly now: Date;
  readonly missed: MissedPolicy;
  /** So many missed ticks at most, the latest of them. */
  readonly backfill_limit: number;
}

export interface Due {
  /** Each becomes a task; the oldest first. */
  readonly ticks: readonly Date[];
  /** Some were missed and become no task. */
  readonly leftOut: boolean;
  /** Null: the schedule has ended. */
  readonly next_at: Date | null;
}

export function dueTicks(ticks: Ticks, { next_at, now, missed, backfill_limit }: DueOptions): Due {
  const due: Date[] = [];
  let [backfilled, leftOut] = [0, false];
  for (const tick of ticks.upTo(now)) {
    if (tick < next_at) break;
    const isMissed = now.getTime() - tick.getTime() > ON_TIME_MS;
    if (isMissed && !isMadeUpFor(missed, due.length, backfilled, backfill_limit)) {
      leftOut = true;
      break;
    }
    if (isMissed) backfilled += 1;
    due.unshift(tick);
  }
  return { ticks: due, leftOut, next_at: ticks.after(now) ?? null };
}

/** `once` means that the latest due tick runs, on time or not. */
function isMadeUpFor(policy: MissedPolicy, due: number, backfilled: number, limit: number): boolean {
  switch (policy) {
    case 'skip':
      return false;
    case 'once':
      return due === 0;
    case 'backfill':
      return backfilled < limit;
  }
}
