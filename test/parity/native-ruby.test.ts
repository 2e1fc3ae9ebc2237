// The contract with Ruby handlers inside of the engine's process.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nativeAddon } from '../../scripts/native-addon.ts';
import { ruby } from '../../scripts/toolchains.ts';
import { eventsByCase, expectedEvents, reasonToSkip, verdictOf } from './foreign-suite.ts';
import { eventsHere, runNatively, type NativeRun } from './native-suite.ts';

const THREE_MINUTES = 180_000;
const GEM = join(import.meta.dirname, '..', '..', 'bindings', 'ruby');
const HANDLERS = join(import.meta.dirname, 'ruby');
const toolchain = await ruby({ install: 'packages' });
const program = toolchain.ok ? toolchain.ruby : '';
const addon = toolchain.ok
  ? await nativeAddon('ruby', { install: 'packages', interpreter: program })
  : toolchain;
const skipped = reasonToSkip(addon);
let run: NativeRun;

beforeAll(async () => {
  if (skipped !== undefined) return;
  run = await runNatively({
    language: 'ruby',
    modules: [join(HANDLERS, 'contract_handler.rb')],
    deadly: join(HANDLERS, 'contract_deadly.rb'),
    variables: { RUBYLIB: join(GEM, 'lib') },
    suite: {
      program,
      args: ['-I', 'lib', '-I', 'test', 'test/integration/contract_test.rb'],
      cwd: GEM,
      isFailure: /^\s*(?:Failure|Error):$|^\S+#test_\S+.*[:\]]$/,
    },
  });
}, THREE_MINUTES);
afterAll(async () => run?.stop());

test.skipIf(skipped)('every case ends as the contract says', () => {
  expect(verdictOf(run.result)).toBe('all tests pass');
});

test.skipIf(skipped)('the engine publishes what the contract says', async () => {
  expect(eventsHere(await eventsByCase(run.world))).toEqual(eventsHere(expectedEvents('ruby')));
});
