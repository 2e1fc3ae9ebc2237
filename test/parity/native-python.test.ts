// The contract with Python handlers inside of the engine's process, on threads and on the event loop.
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeAddon } from '../../scripts/native-addon.ts';
import { python } from '../../scripts/toolchains.ts';
import { eventsByCase, expectedEvents, reasonToSkip, verdictOf } from './foreign-suite.ts';
import { eventsHere, runNatively, type NativeRun } from './native-suite.ts';

const THREE_MINUTES = 180_000;
const HANDLERS = join(import.meta.dirname, 'python');
const FLAGS = ['-q', '-rfE', '--tb=short', '--no-header', '-p', 'no:cacheprovider'];
const toolchain = await python({ install: 'packages' });
const program = toolchain.ok ? toolchain.python : '';
const addon = toolchain.ok
  ? await nativeAddon('python', { install: 'packages', interpreter: program })
  : toolchain;
const skipped = reasonToSkip(addon);

describe.each([
  { where: 'on threads', module: 'contract_handler' },
  { where: 'on the event loop', module: 'contract_async' },
])('$where', ({ module }) => {
  let run: NativeRun;

  beforeAll(async () => {
    if (skipped !== undefined) return;
    run = await runNatively({
      language: 'python',
      modules: [module],
      deadly: 'contract_deadly',
      environment: dirname(dirname(program)),
      variables: { PYTHONPATH: HANDLERS },
      suite: {
        program,
        args: ['-m', 'pytest', 'tests/integration/test_contract.py', ...FLAGS],
        cwd: join(import.meta.dirname, '..', '..', 'bindings', 'python'),
        isFailure: /^(FAILED|ERROR) /,
      },
    });
  }, THREE_MINUTES);
  afterAll(async () => run?.stop());

  test.skipIf(skipped)('every case ends as the contract says', () => {
    expect(verdictOf(run.result)).toBe('all tests pass');
  });

  test.skipIf(skipped)('the engine publishes what the contract says', async () => {
    expect(eventsHere(await eventsByCase(run.world))).toEqual(eventsHere(expectedEvents('python')));
  });
});
