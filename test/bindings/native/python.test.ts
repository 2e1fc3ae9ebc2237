// Python inside of this process: what it is given, what comes back, what runs at once, and what its surroundings are.
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NativeCalls, nativePython, resultsOf } from '../../support/native.ts';

const { environment, skipped } = await nativePython();
const shell = promisify(execFile);
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await NativeCalls.start({ environment });
});
afterAll(async () => calls?.stop());

test.skipIf(skipped)('what a handler returns comes back, from a thread and from the event loop', async () => {
  expect(await calls.results('Echo', { text: 'Grüße' })).toEqual({ text: 'Grüße' });
  expect(await calls.results('AsyncEcho', { text: 'Grüße' })).toEqual({ text: 'Grüße' });
});

test.skipIf(skipped)(
  'what a handler raises comes back with its code and the traceback of Python',
  async () => {
    const { result } = await calls.call('Declines').outcome;
    expect(result).toMatchObject({
      $case: 'failed',
      value: { error: 'the card is stolen', error_class: 'PermanentError', error_code: 'card_declined' },
    });
    expect(JSON.stringify(result)).toMatch(/native_handlers\.py.*line \d+, in process/);
  },
);

test.skipIf(skipped)('a handler that nobody has is unknown', async () => {
  const { result } = await calls.call('Nobody').outcome;
  expect(result).toMatchObject({ $case: 'failed', value: { code: 9 } });
});

test.skipIf(skipped)('four handlers that block are there at once', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => calls.results('FourAtOnce')));
  expect(all).toHaveLength(4);
});

test.skipIf(skipped)('four handlers that await are there at once', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => calls.results('FourAwaiting')));
  expect(all).toHaveLength(4);
});

test.skipIf(skipped)('five megabytes go in and come back', async () => {
  const text = 'ä'.repeat(2_500_000);
  expect(await calls.results('Echo', { text })).toEqual({ text });
  expect(await calls.results('AsyncEcho', { text })).toEqual({ text });
});

test.skipIf(skipped)('packages and compiled extensions are those of the virtual environment', async () => {
  const found = await calls.results('Surroundings');
  expect(found).toEqual({
    prefix: environment,
    protobuf: 'upb',
    extension: expect.stringContaining(realpathSync(join(environment, 'lib'))) as string,
    api: 1,
    grpc: false, // it would bring threads of its own, and nobody needs it here
    thread: false,
  });
});

test.skipIf(skipped)('children of Python and of Node end, whoever has the first and the last', async () => {
  const [fromPython, fromLoop] = [{ said: 'from python', status: 3 }, { status: 3 }];
  expect(await calls.results('Shell')).toEqual(fromPython);
  expect(await shell('echo', ['from node'])).toMatchObject({ stdout: 'from node\n' });
  expect(await calls.results('AsyncShell')).toEqual(fromLoop);
  const all = await Promise.all([
    calls.results('Shell'),
    shell('echo', ['both']),
    calls.results('AsyncShell'),
  ]);
  expect(all).toMatchObject([fromPython, { stdout: 'both\n' }, fromLoop]);
});

test.skipIf(skipped)('modules that cannot be loaded are one line that says why', async () => {
  await calls.stop();
  const failing = NativeCalls.start({ environment, modules: ['no_such_module'] });
  await expect(failing).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringMatching(
      /^.*cannot load the handlers: ModuleNotFoundError: .*no_such_module.*$/,
    ) as string,
  });
  calls = await NativeCalls.start({ environment, handlers: ['Echo'] });
  expect(resultsOf(await calls.call('Echo', [1]).outcome)).toEqual([1]);
});
