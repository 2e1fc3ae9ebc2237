// Ruby inside of this process: what it is given, what comes back, what runs at once, and what its surroundings are.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';
import type { NativeCalls } from '../../support/native.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const skipped = await nativeRuby();
let calls: NativeCalls;
let home: TestDatabase;

beforeAll(async () => {
  home = await createTestDatabase();
  process.env['NATIVE_TEST_DATABASE'] = home.url;
  if (skipped === undefined) calls = await startRuby();
});
afterAll(async () => {
  await calls?.stop();
  await home.drop();
});

test.skipIf(skipped)('what a handler returns comes back', async () => {
  expect(await calls.results('Echo', { text: 'Grüße' })).toEqual({ text: 'Grüße' });
});

test.skipIf(skipped)('what a handler raises comes back with its code and the backtrace of Ruby', async () => {
  const { result } = await calls.call('Declines').outcome;
  expect(result).toMatchObject({
    $case: 'failed',
    value: {
      error: 'the card is stolen',
      error_class: 'Treadle::PermanentError',
      error_code: 'card_declined',
    },
  });
  expect(JSON.stringify(result)).toMatch(/native_handlers\.rb:\d+:in `process'/);
});

test.skipIf(skipped)('a handler that nobody has is unknown', async () => {
  const { result } = await calls.call('Nobody').outcome;
  expect(result).toMatchObject({ $case: 'failed', value: { code: 9 } });
});

test.skipIf(skipped)('handlers of the Rails engine run as they are', async () => {
  expect(await calls.results('AddsUp', { numbers: [1, 2, 3] })).toEqual({ sum: 6 });
  const { result } = await calls.call('AddsUp', { numbers: [] }).outcome;
  expect(result).toMatchObject({ value: { error_class: 'Tasker::PermanentError', error_code: 'EMPTY' } });
});

test.skipIf(skipped)('four handlers that wait are there at once', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(() => calls.results('FourAtOnce')));
  expect(all).toHaveLength(4);
});

test.skipIf(skipped)('five megabytes go in and come back', async () => {
  const text = 'ä'.repeat(2_500_000);
  expect(await calls.results('Echo', { text })).toEqual({ text });
});

test.skipIf(skipped)('gems with compiled extensions work, on threads of Ruby', async () => {
  expect(await calls.results('Extensions')).toEqual({
    sum: '0.3',
    verified: true,
    quoted: '"a""b"',
    main_thread: false,
  });
  expect(await calls.results('Asks')).toEqual({ sum: '42' });
});

test.skipIf(skipped)('Timeout strikes, and the garbage collector finds what is in use', async () => {
  expect(await calls.results('TakesTooLong')).toEqual({ said: 'execution expired' });
  expect(await calls.results('Collects')).toEqual({ last: '2' });
});

test.skipIf(skipped)('a handler that recurses without end fails alone', async () => {
  const { result } = await calls.call('Recurses').outcome;
  expect(result).toMatchObject({ $case: 'failed', value: { error_class: 'SystemStackError' } });
});

test.skipIf(skipped)('handlers that exit, or end their thread, have failed, and others run', async () => {
  const [first, second] = await Promise.all([
    calls.call('Leaves', { how: 'exit' }).outcome,
    calls.call('Leaves').outcome,
  ]);
  expect(first.result).toMatchObject({ value: { error_class: 'SystemExit' } });
  expect(second.result).toMatchObject({ value: { error_class: 'ThreadError' } });
  const all = await Promise.all([1, 2, 3, 4].map((number) => calls.results('Echo', { number })));
  expect(all).toEqual([1, 2, 3, 4].map((number) => ({ number })));
});

test.skipIf(skipped)(
  'files that cannot be loaded are one line that says why; the next program runs',
  async () => {
    await calls.stop();
    await expect(startRuby({ modules: ['no_such_file'] })).rejects.toMatchObject({
      code: 'invalid_config',
      message: 'no_such_file: cannot load such file -- no_such_file',
    });
    await expect(startRuby({ handlers: ['Stranger'] })).rejects.toMatchObject({
      message: expect.stringMatching(
        /^native_handlers.rb, .*: expected Stranger, there are .*Echo/,
      ) as string,
    });
    calls = await startRuby({ handlers: ['Echo'] });
    expect(await calls.results('Echo', [1])).toEqual([1]);
  },
);
