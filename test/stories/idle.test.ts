// What engines ask of Postgres while there is nothing to do: less than one statement a second each, all of them together. The
// clock of the process is turned, so that the statements of a minute are asked, and answered, in a second. And what they
// find all the same: what comes due, and what they were never told of.
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { countStatements } from '../../bench/statements.ts';
import { LONGEST_ROUND_MS } from '../../engine/periods.ts';
import type { QueueAdapter } from '../../engine/queue/adapter.ts';
import { startTasks, takeWakeups } from '../../sql/tasks.ts';
import { startEngine } from '../support/engines.ts';
import { createdWorld } from '../support/factories.ts';
import { testDatabase } from '../support/postgres.ts';

const home = testDatabase();
const TURN_MS = 100;

/** Of a sweep: they follow a clock that is not turned here. */
const SWEEPS_IN_A_MINUTE = 2;
const STATEMENTS_PER_SWEEP = 2;

afterEach(() => {
  vi.useRealTimers();
});

/** Turns the clock; what is asked meanwhile is answered before it goes on. */
async function pass(seconds: number, waiting: () => boolean = () => false): Promise<void> {
  for (let ms = 0; ms < seconds * 1000; ms += TURN_MS) {
    await vi.advanceTimersByTimeAsync(TURN_MS);
    while (waiting()) await new Promise(setImmediate);
  }
}

function turnClocks(): void {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    shouldAdvanceTime: true,
  });
}

test.each([1, 2])('%i idle engines ask less than once a second each', async (engines) => {
  turnClocks();
  for (let n = 0; n < engines; n += 1) {
    await startEngine({ database: home.url, works: { idle: () => 1 }, sweepSeconds: 86_400 });
  }
  const counter = countStatements('treadle test');
  onTestFinished(counter.stop);
  await pass(20, counter.waiting); // what follows a start
  const before = counter.total();
  const rounds = counter.counts['treadle.look_around'] ?? 0;
  await pass(60, counter.waiting);
  const asked = counter.total() - before + engines * SWEEPS_IN_A_MINUTE * STATEMENTS_PER_SWEEP;
  expect((counter.counts['treadle.look_around'] ?? 0) - rounds).toBeGreaterThanOrEqual(10 * engines);
  expect(asked).toBeLessThan(60 * engines);
});

test('steps that became ready without a word are found by the next round', async () => {
  turnClocks();
  const world = await createdWorld(home.database, { a: [] }, { each: { handler_class: 'unheard' } });
  let runs = 0;
  await startEngine({ database: home.url, works: { unheard: () => (runs += 1) } });
  const counter = countStatements('treadle test');
  onTestFinished(counter.stop);
  await pass(20, counter.waiting); // nobody polls any more
  await startTasks(home.database, [world.taskId]);
  await pass(LONGEST_ROUND_MS / 1000 + 1, counter.waiting);
  expect(runs).toBe(1);
});

/** What an engine that starts tells a queue of which another engine, dead since, handed over a job for so many seconds from now. */
async function toldOfJobIn(seconds: number): Promise<number> {
  const request = { run_at: new Date(Date.now() + seconds * 1000).toISOString() };
  const world = await createdWorld(home.database, { a: [] }, { request });
  await world.db.query('update treadle.wakeups set handed_at = null');
  await takeWakeups(world.db, 10);
  onTestFinished(async () => void (await world.db.query('delete from treadle.wakeups')));
  return new Promise((resolve) => {
    const queue: QueueAdapter = {
      name: 'patient',
      durable: true,
      install: async () => {},
      enqueue: async () => {},
      start: async () => {},
      jobDueIn: resolve,
      stop: async () => {},
      health: async () => ({ ok: true, message: 'patient' }),
    };
    void startEngine({ database: home.url, works: {}, queue });
  });
}

test('an engine that starts tells the queue when the next job comes due, whoever handed it over', async () => {
  expect(Math.round((await toldOfJobIn(600)) / 60_000)).toBe(10);
});

test('it tells it also of a job that should have come', async () => {
  expect(await toldOfJobIn(-3)).toBe(0);
});
