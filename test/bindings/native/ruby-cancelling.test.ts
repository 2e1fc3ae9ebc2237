// An attempt of Ruby in this process that should stop is told, and given up when it does not: its slot is free in any case.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nativeRuby, startRuby } from '../../support/native-ruby.ts';
import type { NativeCalls } from '../../support/native.ts';

const skipped = await nativeRuby();
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await startRuby({ concurrency: 1 });
});
afterAll(async () => calls?.stop());

test.skipIf(skipped)('a handler that listens stops at once', async () => {
  const call = calls.call('Listens');
  await call.begun;
  call.cancel();
  expect((await call.outcome).result).toMatchObject({
    $case: 'failed',
    value: { error_class: 'Treadle::CancelledError', error: 'the attempt should stop: too slow' },
  });
});

test.skipIf(skipped)('the slot of a handler that is deaf is free for the next one', async () => {
  const call = calls.call('Asleep');
  await call.begun;
  call.cancel();
  expect((await call.outcome).result).toMatchObject({ $case: 'released' });
  expect(await calls.results('Echo', { after: 'the deaf one' })).toEqual({ after: 'the deaf one' });
});

test.skipIf(skipped)('what the deaf one says later counts no more, nor does its thread', async () => {
  expect(await calls.results('WakesThem')).toEqual({});
  const all = await Promise.all([1, 2].map((number) => calls.results('Echo', { number })));
  expect(all).toEqual([{ number: 1 }, { number: 2 }]);
});

test.skipIf(skipped)('an order that overtakes its attempt still reaches it', async () => {
  const blocking = calls.call('Burns', { seconds: 0.2 }); // the only thread
  const call = calls.call('Listens');
  call.cancel();
  expect((await call.outcome).result).toMatchObject({ $case: 'failed' });
  await blocking.outcome;
});

test.skipIf(skipped)('an order reaches its attempt while another one burns the CPU', async () => {
  await calls.stop();
  calls = await startRuby({ concurrency: 2 });
  const listening = calls.call('Listens');
  await listening.begun;
  const burning = calls.call('Burns', { seconds: 2 });
  listening.cancel();
  const first = await Promise.race([listening.outcome, burning.outcome]);
  expect(first).toBe(await listening.outcome);
  await burning.outcome;
});
