// Which ticks become tasks: all that are at most a minute late, and of those that were missed what the policy says.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dueTicks, type Due } from '../../../core/schedule/due.ts';
import type { MissedPolicy } from '../../../core/schedule/schedule.ts';
import { Ticks } from '../../../core/schedule/ticks.ts';

const at = (text: string) => new Date(`2026-01-01T${text}Z`);
const hourly = new Ticks({ cron: '@hourly', timezone: 'UTC' });

/** Of an hourly schedule that last came at 02:00. */
function due(now: string, missed: MissedPolicy, backfill_limit = 100): Due {
  return dueTicks(hourly, { next_at: at('03:00:00'), now: at(now), missed, backfill_limit });
}

const hours = ({ ticks }: Due) => ticks.map((tick) => tick.getUTCHours());

test.each<MissedPolicy>(['skip', 'once', 'backfill'])('a tick of just now comes with %s', (missed) => {
  const expected = { ticks: [at('03:00:00')], leftOut: false, next_at: at('04:00:00') };
  expect(due('03:00:00.004', missed)).toEqual(expected);
  expect(due('03:01:00', missed)).toEqual(expected);
});

describe('after a while in which no engine ran', () => {
  test('skip goes on with the next tick', () => {
    expect(due('06:30:00', 'skip')).toEqual({ ticks: [], leftOut: true, next_at: at('07:00:00') });
  });

  test('skip keeps the tick that is not yet a minute old', () => {
    expect(hours(due('06:00:30', 'skip'))).toEqual([6]);
  });

  test('once makes up for the latest', () => {
    expect(due('06:30:00', 'once')).toEqual({
      ticks: [at('06:00:00')],
      leftOut: true,
      next_at: at('07:00:00'),
    });
    expect(due('03:30:00', 'once').leftOut).toBe(false);
  });

  test('once adds nothing to a tick that is on time', () => {
    expect(hours(due('06:00:30', 'once'))).toEqual([6]);
  });

  test('backfill makes up for all, the oldest first', () => {
    expect(due('06:30:00', 'backfill')).toMatchObject({ leftOut: false, next_at: at('07:00:00') });
    expect(hours(due('06:00:30', 'backfill'))).toEqual([3, 4, 5, 6]);
  });

  test('backfill with a limit makes up for the latest', () => {
    expect(due('06:30:00', 'backfill', 2)).toMatchObject({
      ticks: [at('05:00:00'), at('06:00:00')],
      leftOut: true,
    });
    expect(hours(due('06:00:30', 'backfill', 2))).toEqual([4, 5, 6]);
  });
});

test('nothing is due before its time', () => {
  expect(due('02:59:59.999', 'backfill')).toEqual({ ticks: [], leftOut: false, next_at: at('03:00:00') });
});

test('the last tick before the end leaves nothing to come', () => {
  const ticks = new Ticks({ cron: '@hourly', timezone: 'UTC', ends_at: at('04:00:00') });
  const now = { next_at: at('03:00:00'), now: at('03:00:01'), missed: 'skip', backfill_limit: 1 } as const;
  expect(dueTicks(ticks, now)).toEqual({ ticks: [at('03:00:00')], leftOut: false, next_at: null });
});

/** Looks at these distances, and everything that came of it. */
function takenBy(ticks: Ticks, from: Date, distances: readonly number[], missed: MissedPolicy): Date[] {
  let [now, next_at] = [from, ticks.after(from) ?? from];
  const taken: Date[] = [];
  for (const distance of distances) {
    now = new Date(now.getTime() + distance);
    if (next_at > now) continue;
    const found = dueTicks(ticks, { next_at, now, missed, backfill_limit: 1000 });
    taken.push(...found.ticks);
    next_at = found.next_at ?? next_at;
  }
  return taken;
}

const crons = fc.constantFrom('*/5 * * * * *', '* * * * *', '*/20 * * * *', '30 2 * * *');
const start = fc.date({ min: new Date('2026-03-28'), max: new Date('2026-03-31'), noInvalidDate: true });

function expectEachOnce(longest: number, missed: MissedPolicy): void {
  const distances = fc.array(fc.integer({ min: 1, max: longest }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(crons, start, distances, (cron, from, steps) => {
      const ticks = new Ticks({ cron, timezone: 'Europe/Paris' });
      const end = from.getTime() + steps.reduce((sum, step) => sum + step, 0);
      const all: Date[] = [];
      for (let tick = ticks.after(from); tick && tick.getTime() <= end; tick = ticks.after(tick))
        all.push(tick);
      expect(takenBy(ticks, from, steps, missed)).toEqual(all);
    }),
    { numRuns: 60 },
  );
}

test('engines that look at least once a minute take every tick once, whatever the policy', () => {
  expectEachOnce(60_000, 'skip');
  expectEachOnce(60_000, 'once');
});

test('backfill takes every tick once, however long nobody looked', () => {
  expectEachOnce(240_000, 'backfill');
});
