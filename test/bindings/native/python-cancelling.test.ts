// An attempt in this process that should stop is told, then interrupted, then given up: its slot is free in any case.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NativeCalls, nativePython, resultsOf } from '../../support/native.ts';

const { environment, skipped } = await nativePython();
let calls: NativeCalls;

beforeAll(async () => {
  if (skipped === undefined) calls = await NativeCalls.start({ environment, concurrency: 1 });
});
afterAll(async () => calls?.stop());

test.skipIf(skipped)('a handler that listens stops at once', async () => {
  const call = calls.call('Listens');
  await call.begun;
  call.cancel();
  expect((await call.outcome).result).toMatchObject({
    $case: 'failed',
    value: { error_class: 'StepCancelled', error: 'too slow' },
  });
});

test.skipIf(skipped)('an asynchronous handler is cancelled where it awaits', async () => {
  const call = calls.call('AsyncWaits');
  await call.begun;
  call.cancel();
  expect((await call.outcome).result).toMatchObject({
    $case: 'failed',
    value: { error_class: 'CancelledError' },
  });
});

test.skipIf(skipped)('a handler that does not listen is interrupted by StepCancelled', async () => {
  const call = calls.call('Spins');
  await call.begun;
  call.cancel();
  expect(resultsOf(await call.outcome)).toEqual({ reason: 'timed_out' });
});

test.skipIf(skipped)('the slot of a handler that is deaf is free for the next one', async () => {
  const call = calls.call('Deaf');
  await call.begun;
  call.cancel();
  expect((await call.outcome).result).toMatchObject({ $case: 'released' });
  expect(await calls.results('Echo', { after: 'the deaf one' })).toEqual({ after: 'the deaf one' });
});

test.skipIf(skipped)('an order that overtakes its attempt still reaches it', async () => {
  const blocking = calls.call('Burns', { seconds: 0.2 }); // the only thread
  const call = calls.call('Listens');
  call.cancel();
  expect((await call.outcome).result).toMatchObject({ $case: 'failed' });
  await blocking.outcome;
});
