// The Python package: all of its own tests, and the contract of all languages, against a real engine. The virtual environment
// is made the first time.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { python } from '../../scripts/toolchains.ts';
import {
  eventsByCase,
  expectedEvents,
  ForeignWorld,
  reasonToSkip,
  verdictOf,
  type SuiteResult,
} from './foreign-suite.ts';

const TEN_MINUTES = 600_000;
const toolchain = await python({ install: 'packages' });
const skipped = reasonToSkip(toolchain);
let world: ForeignWorld;
let result: SuiteResult;

beforeAll(async () => {
  if (!toolchain.ok) return;
  world = await ForeignWorld.start('python');
  result = await world.run({
    program: toolchain.python,
    args: ['-m', 'pytest', 'tests', '-q', '-rfE', '--tb=short', '--no-header', '-p', 'no:cacheprovider'],
    cwd: join(import.meta.dirname, '..', '..', 'bindings', 'python'),
    isFailure: /^(FAILED|ERROR) /,
  });
}, TEN_MINUTES);
afterAll(async () => world?.stop());

test.skipIf(skipped)('every test of the package passes, the contract among them', () => {
  expect(verdictOf(result)).toBe('all tests pass');
});

test.skipIf(skipped)('the engine publishes what the contract says, for every case of it', async () => {
  expect(await eventsByCase(world)).toEqual(expectedEvents('python'));
});
