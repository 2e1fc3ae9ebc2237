// When the engine looks at deadlines: at the earliest that it has heard of, from whomever.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { countStatements } from '../../bench/statements.ts';
import { Deadlines } from '../../engine/deadlines.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Deadlines on a database without any, and how often they have been looked at. */
function started(): { deadlines: Deadlines; looks: () => number } {
  const deadlines = new Deadlines({
    database: home.database,
    onAftermath: () => {},
    log: pino({ level: 'silent' }),
  });
  const counter = countStatements();
  onTestFinished(async () => {
    await deadlines.stop();
    counter.stop();
  });
  return { deadlines, looks: () => counter.counts['treadle.expire_tasks'] ?? 0 };
}

test('a deadline that a round has heard of is looked at when it passes, not before', async () => {
  const { deadlines, looks } = started();
  deadlines.expect(500);
  await vi.advanceTimersByTimeAsync(499);
  expect(looks()).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  await vi.waitUntil(() => looks() === 1);
});

test('a later one does not put off what is expected earlier', async () => {
  const { deadlines, looks } = started();
  deadlines.expect(500);
  deadlines.expect(90_000);
  await vi.advanceTimersByTimeAsync(500);
  await vi.waitUntil(() => looks() === 1);
});

test('one that has passed is looked at at once', async () => {
  const { deadlines, looks } = started();
  deadlines.expect(-3);
  await vi.waitUntil(() => looks() === 1);
});
