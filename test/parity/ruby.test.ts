// The Ruby gem: all of its own tests, and the contract of all languages, against a real engine. Ruby and its
// gRPC come from the system.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ruby } from '../../scripts/toolchains.ts';
import {
  eventsByCase,
  expectedEvents,
  ForeignWorld,
  reasonToSkip,
  verdictOf,
  type SuiteResult,
} from './foreign-suite.ts';

/** Minitest runs what has been loaded when the program ends. */
const ALL_TESTS = "Dir['./test/**/*_test.rb'].sort.each { |file| require file }";
const TEN_MINUTES = 600_000;
const toolchain = await ruby({ install: 'packages' });
const skipped = reasonToSkip(toolchain);
let world: ForeignWorld;
let result: SuiteResult;

beforeAll(async () => {
  if (!toolchain.ok) return;
  world = await ForeignWorld.start('ruby');
  result = await world.run({
    program: toolchain.ruby,
    args: ['-I', 'lib', '-I', 'test', '-e', ALL_TESTS],
    cwd: join(import.meta.dirname, '..', '..', 'bindings', 'ruby'),
    isFailure: /^\s*(?:Failure|Error):$|^\S+#test_\S+.*[:\]]$/,
  });
}, TEN_MINUTES);
afterAll(async () => world?.stop());

test.skipIf(skipped)('every test of the gem passes, the contract among them', () => {
  expect(verdictOf(result)).toBe('all tests pass');
});

test.skipIf(skipped)('the engine publishes what the contract says, for every case of it', async () => {
  expect(await eventsByCase(world)).toEqual(expectedEvents('ruby'));
});
