// treadle/rails in a Ruby process of its own, on a database on which an engine runs a thousand tasks: every scope and helper of
// the models says what the engine's own reports say, and what they write is noticed and carried on.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ruby } from '../../scripts/toolchains.ts';
import type { Ran } from '../../scripts/programs.ts';
import { violations } from '../support/invariants.ts';
import { reasonToSkip } from './foreign-suite.ts';
import { RailsApp } from './rails-app.ts';

const TASKS = 1000;
const BATCH = 50;
const FIVE_MINUTES = 300_000;
const toolchain = await ruby({ install: 'packages' });
const skipped = reasonToSkip(toolchain);
const program = toolchain.ok ? toolchain.ruby : '';
let app: RailsApp;

beforeAll(async () => {
  if (toolchain.ok) app = await RailsApp.start();
}, FIVE_MINUTES);
afterAll(async () => app?.stop());

/** `all tests pass`, or what it said. What it measured is shown in any case. */
function verdictOf({ ok, said }: Ran): string {
  for (const [line] of said.matchAll(/rails: .*/g)) process.stderr.write(`${line}\n`);
  return ok && /^[1-9]\d* runs, \d+ assertions, 0 failures, 0 errors, 0 skips/m.test(said)
    ? 'all tests pass'
    : said;
}

/** Keeps the engine at work until the other has ended, and for a thousand tasks at least. */
async function besideLoad(other: Promise<Ran>): Promise<{ readonly ran: Ran; readonly tasks: number }> {
  let ended = false;
  void other.finally(() => (ended = true));
  let tasks = 0;
  while (!ended || tasks < TASKS) {
    const ids = await app.createMany(BATCH);
    await Promise.all(ids.map((id) => app.engine.waitForTask(id)));
    tasks += BATCH;
  }
  return { ran: await other, tasks };
}

test.skipIf(skipped)(
  'the models say what the engine says while it runs a thousand tasks',
  async () => {
    const { ran, tasks } = await besideLoad(app.suite(program, 'reading_under_load'));
    expect(verdictOf(ran)).toBe('all tests pass');
    expect(tasks).toBeGreaterThanOrEqual(TASKS);
  },
  FIVE_MINUTES,
);

test.skipIf(skipped)('every scope and helper of the models says what became of the tasks', async () => {
  expect(verdictOf(await app.suite(program, 'tasks', 'steps', 'reports', 'audit'))).toBe('all tests pass');
});

test.skipIf(skipped)('the engine goes on at once after a commit in Ruby', async () => {
  expect(verdictOf(await app.suite(program, 'latency'))).toBe('all tests pass');
});

test.skipIf(skipped)(
  'what is written in Ruby is noticed and carried on, also while a thousand tasks run',
  async () => {
    expect(verdictOf(await app.suite(program, 'writing', 'creating'))).toBe('all tests pass');
    const { ran } = await besideLoad(app.suite(program, 'writing', 'creating'));
    expect(verdictOf(ran)).toBe('all tests pass');
  },
  FIVE_MINUTES,
);

test.skipIf(skipped)('nothing of it breaks an invariant', async () => {
  expect(await violations(app.home.database)).toEqual([]);
});
